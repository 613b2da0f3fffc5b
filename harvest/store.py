"""The published snapshot ``harvest.duckdb``, read: closed queries, checks, comparison with the part files.

A DuckDB file admits one writing process and then no reader, so readers never meet the writer (:mod:`harvest.publish`):
they open a file that is already complete, read-only and closed to the outside.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from harvest.errors import LakeError, QuestionError
from harvest.lake import SNAPSHOT
from harvest.sql_files import header_of, read_sql

TIMEOUT_S = 60.0
"""Seconds that a query may take."""
LARGEST_ANSWER = 2**30
"""Bytes of an answer in memory."""
_CLOSED = {
    "temp_directory": "''",
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # else a query could read this process's own variables
    "memory_limit": "'4GB'",
    "enable_progress_bar": "false",  # it would stand in the middle of an answer on stdout
    "lock_configuration": "true",
}


def connect(root: Path) -> duckdb.DuckDBPyConnection:
    """Open the snapshot read-only, without access to files, network or extensions.

    Raises:
        LakeError: there is no snapshot.
    """
    path = root / SNAPSHOT
    if not path.exists():
        raise LakeError(f"There is no {SNAPSHOT} in {root}; give the folder of a lake, or run 'iam-harvest rebuild'.")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise LakeError(f"Cannot open {path}: {first_line(error)}. 'iam-harvest rebuild' makes it anew.") from error
    for name, value in _CLOSED.items():
        connection.execute(f"SET {name} = {value}")
    return connection


def query(root: Path, sql: str, parameters: dict[str, Any] | None = None, timeout_s: float = TIMEOUT_S) -> pa.Table:
    """Return the answer to one SELECT.

    Raises:
        QuestionError: the statement is wrong or something else than one SELECT, ran longer than ``timeout_s``, or its
            answer is larger than ``LARGEST_ANSWER``.
    """
    with connect(root) as connection:
        timer = threading.Timer(timeout_s, connection.interrupt)
        timer.start()
        try:
            _require_select(connection, sql)
            return _read_answer(connection.sql(sql, params=parameters or None).to_arrow_reader())
        except (duckdb.Error, pa.ArrowException, OSError) as error:  # Arrow passes DuckDB's errors on as OSError
            if "interrupt" in str(error).lower():
                raise QuestionError(
                    f"The query ran longer than {timeout_s:g} s and was stopped; ask for less."
                ) from error
            raise QuestionError(f"{first_line(error)}") from error
        finally:
            timer.cancel()


def _require_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise QuestionError("The lake is read-only: give one SELECT and nothing else.")


def _read_answer(reader: pa.RecordBatchReader) -> pa.Table:
    batches, size = [], 0
    for batch in reader:
        batches.append(batch)
        size += batch.nbytes
        if size > LARGEST_ANSWER:
            raise QuestionError("The answer is larger than 1 GB; ask for fewer rows or columns.")
    return pa.Table.from_batches(batches, schema=reader.schema)


def run_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Run every check; return the number of offending rows of each, by name."""
    return {name: len(connection.execute(sql).fetchall()) for name, sql in read_sql("checks").items()}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view of the snapshot: what it holds and, of each column, name, type and meaning."""

    name: str
    text: str
    columns: tuple[tuple[str, str, str], ...]


def describe_relations() -> list[Relation]:
    """Describe every table and view, in the order in which they are made, from comments and headers."""
    sources = read_sql("schema") | read_sql("views")
    with duckdb.connect() as connection:
        for sql in sources.values():
            connection.execute(sql)
        rows = connection.execute(
            "SELECT table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns() "
            "WHERE schema_name = 'main' AND NOT internal ORDER BY table_name, column_index"
        ).fetchall()
        comments = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
    known = {(table, column): text for table, column, _, text in rows if text}
    meaning = {column: text for (_, column), text in reversed(known.items())}
    return [
        Relation(
            name,
            header_of(sql) or comments.get(name) or "",
            tuple(
                (column, kind, text or meaning.get(column, "")) for table, column, kind, text in rows if table == name
            ),
        )
        for name, sql in sources.items()
    ]


def compare_with_parts(root: Path, table: str) -> tuple[tuple[int, str], tuple[int, str]]:
    """Return row count and a digest, which does not depend on order, of a table in the snapshot and in the parts."""
    with connect(root) as snapshot:
        columns = [row[0] for row in snapshot.execute(f"DESCRIBE {table}").fetchall()]
        stored = _digest(snapshot, table, columns)
    relation = _parts(root, table)
    with duckdb.connect() as reader:
        return stored, _digest(reader, relation, columns) if relation else (0, "0")


def _digest(connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str]) -> tuple[int, str]:
    row = ", ".join(f'"{name}"' for name in columns)
    found = connection.execute(f"SELECT count(*), coalesce(sum(hash({row})::HUGEINT), 0)::VARCHAR FROM {relation}")
    count, digest = found.fetchall()[0]
    return int(count), str(digest)


def _parts(root: Path, table: str) -> str | None:
    """Return the SQL that reads all part files of a table; None when there are none."""
    if not any((root / table).glob("part-*.parquet")):
        return None
    return f"read_parquet('{quoted(root / table)}/part-*.parquet')"


def quoted(path: Path) -> str:
    """Return a path as the inside of a SQL string."""
    return str(path.resolve()).replace("'", "''")


def first_line(error: Exception) -> str:
    """Return the part of DuckDB's message that a user can act on."""
    return str(error).strip().splitlines()[0]
