"""Publishing: the snapshot ``harvest.duckdb`` made beside from the part files, checked, and swapped in by one rename.

Where the lake has only grown since the last time, the snapshot is a copy of the previous one with the new parts' rows
behind the old ones; else it is built anew. Both ways give equal tables, row by row: rows stand in order of run, and
within a run by key. What the snapshot was made of is noted (``harvest.published``).
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from harvest.errors import IntegrityError, LakeError
from harvest.files import TEMPORARY, replace_durably
from harvest.lake import SNAPSHOT, Lake
from harvest.published import new_parts, note_published, take_inventory
from harvest.records import LOADED_TABLES, SORT_KEYS
from harvest.run_record import read_records
from harvest.side_tables import SIDE_TABLES, side_parts
from harvest.sql_files import read_sql
from harvest.store import first_line, quoted, run_checks
from models.findings import BOXED_FINDINGS, FINDINGS

_STORAGE = "v1.0.0"  # the oldest format that this DuckDB writes: 1.x readers open it too
_MEMORY = "2GB"
_RUN_COLUMNS = (
    "run_id", "status", "archive", "bundle", "model_digest", "config_fingerprint", "engine", "started_at",
    "finished_at", "objects", "instances", "localized", "no_finding", "rejected", "boxes", "version",
)  # fmt: skip
_REFILLED = ("runs", *SIDE_TABLES)
"""Small tables, of which an old row may change."""
_BY_FILM = {"film_boxes": ("film", "box"), "film_findings": ("film",), "findings_per_film": ("film",)}
"""Stored tables whose rows follow from one film alone, and their columns that number rows of instances and boxes."""
_NUMBERED = {"film": "instances", "box": "boxes"}


def publish(root: Path, anew: bool = False) -> None:
    """Make the snapshot of a lake from its part files and swap it in.

    Args:
        root: directory of the lake, open for writing.
        anew: build all of it, also where the lake only grew.

    Raises:
        IntegrityError: a check found rows that cannot be; the earlier snapshot stays.
        LakeError: it cannot be written; the earlier snapshot stays.
    """
    lake = Lake(root)
    building = root / f"{TEMPORARY}{SNAPSHOT}"
    leftovers = (building, building.with_name(building.name + ".wal"))
    _remove(leftovers)
    try:
        inventory = take_inventory(root)
        new = None if anew else new_parts(lake, inventory)
        if new is None or not _grow(lake, building, new):
            _remove(leftovers)
            _build(lake, building)
        replace_durably(building, root / SNAPSHOT)
        note_published(lake, inventory)
    except (duckdb.OperationalError, duckdb.FatalException) as error:
        raise LakeError(
            f"Cannot write {root / SNAPSHOT}: {first_line(error)}. Make room, then give the same command again."
        ) from error
    finally:
        _remove(leftovers)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def _workbench(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills into a folder of the lake: sorting many rows must not take all memory."""
    with (
        TemporaryDirectory(prefix=f"{TEMPORARY}spill-", dir=root) as spill,
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as connection,
    ):
        connection.execute("SET enable_progress_bar = false")
        yield connection


def _build(lake: Lake, path: Path) -> None:
    with _workbench(lake.root) as connection:
        connection.execute(f"ATTACH '{quoted(path)}' AS lake (STORAGE_VERSION '{_STORAGE}')")
        connection.execute("USE lake")
        _fill(connection, lake, {table: list((lake.root / table).glob("part-*.parquet")) for table in LOADED_TABLES})
        _close(connection)


def _fill(connection: duckdb.DuckDBPyConnection, lake: Lake, parts: dict[str, list[Path]]) -> None:
    """Make and fill every table and view in the database in use, and check it."""
    _run_folder(connection, "schema")
    for table, paths in parts.items():
        if paths:
            order = ", ".join(("run_id", *SORT_KEYS[table]))
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {_relation(paths)} ORDER BY {order}")
    for record in sorted(read_records(lake), key=lambda record: str(record["run_id"])):
        values = [record[name] for name in _RUN_COLUMNS] + [json.dumps(record["config"], sort_keys=True)]
        values.append(record["chosen"])
        connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(values))})", values)
    for table in SIDE_TABLES:
        if paths := side_parts(lake.root, table):
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {_relation(paths)} ORDER BY ALL")
    rows = [(number, name, name in BOXED_FINDINGS) for number, name in enumerate(FINDINGS, start=1)]
    connection.executemany("INSERT INTO findings VALUES (?, ?, ?)", rows)
    _run_folder(connection, "views")
    _require_clean(run_checks(connection))


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    """Write everything into the one file, so that no log remains beside it."""
    connection.execute("CHECKPOINT lake")
    connection.execute("USE memory")
    connection.execute("DETACH lake")


def _grow(lake: Lake, path: Path, new: dict[str, list[Path]]) -> bool:
    """Copy the snapshot and add the rows of new parts; False, with nothing done, where they would not come last."""
    with _workbench(lake.root) as connection:
        _fill(connection, lake, new)
        connection.execute(f"ATTACH '{quoted(lake.root / SNAPSHOT)}' AS lake (READ_ONLY)")
        follows = _follows(connection)
        connection.execute("DETACH lake")
        if follows:
            shutil.copyfile(lake.root / SNAPSHOT, path)
            connection.execute(f"ATTACH '{quoted(path)}' AS lake")
            _append(connection)
            _close(connection)
    return follows


def _follows(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the rows in memory stand behind those of ``lake``: later runs, other films, the same settings."""
    (before,) = _one(connection, "SELECT max(config_fingerprint) FROM lake.current_fingerprint")
    (now,) = _one(connection, "SELECT max(config_fingerprint) FROM current_fingerprint")
    if now is None or now != before:
        return False
    (later,) = _one(connection, "SELECT min(run_id) FROM instances")
    (earlier,) = _one(connection, "SELECT max(run_id) FROM lake.instances")
    if later is not None and later <= earlier:
        return False
    again = "SELECT count(*) FROM lake.instances SEMI JOIN instances USING (instance_key, config_fingerprint)"
    return _one(connection, again) == (0,)


def _append(connection: duckdb.DuckDBPyConnection) -> None:
    before = {column: _one(connection, f"SELECT count(*) FROM lake.{table}")[0] for column, table in _NUMBERED.items()}
    for table in _REFILLED:
        connection.execute(f"DELETE FROM lake.{table}")
    for table in (*_REFILLED, *LOADED_TABLES):
        connection.execute(f"INSERT INTO lake.{table} SELECT * FROM {table}")
    for table, columns in _BY_FILM.items():
        renumbered = ", ".join(f"{column} + {before[column]} AS {column}" for column in columns)
        connection.execute(f"INSERT INTO lake.{table} SELECT * REPLACE ({renumbered}) FROM {table}")
    _append_courses(connection)


def _append_courses(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the courses of the patients of new films again, from all films of theirs, and put them last."""
    theirs = "patient_key IN (SELECT patient_key FROM memory.films)"
    connection.execute("ATTACH ':memory:' AS again")
    connection.execute("USE again")
    connection.execute(f"CREATE TABLE films AS SELECT * FROM lake.films WHERE {theirs}")
    connection.execute("CREATE TABLE film_findings AS SELECT * FROM lake.film_findings SEMI JOIN films USING (film)")
    connection.execute(read_sql("views")["patient_course"])
    connection.execute(f"DELETE FROM lake.patient_course WHERE {theirs}")
    connection.execute("INSERT INTO lake.patient_course SELECT * FROM patient_course")
    connection.execute("USE memory")


def _relation(paths: list[Path]) -> str:
    names = ", ".join(f"'{quoted(path)}'" for path in paths)
    return f"read_parquet([{names}])"


def _run_folder(connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    for sql in read_sql(folder).values():
        connection.execute(sql)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def _require_clean(found: dict[str, int]) -> None:
    broken = [f"{name} ({count} rows)" for name, count in found.items() if count]
    if broken:
        raise IntegrityError(f"The lake breaks its own rules, nothing was published: {', '.join(broken)}.")
