"""Whether a lake is whole: its own rules, the snapshot against the part files, and what lies about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.files import TEMPORARY
from harvest.lake import SCHEMAS, Lake, open_lake
from harvest.records import LOADED_TABLES, PUBLIC_TABLES
from harvest.store import compare_with_parts, connect, run_checks


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: its name, whether it passed, and what was seen."""

    name: str
    passed: bool
    detail: str


def verify(root: Path) -> list[CheckResult]:
    """Check a lake; nothing is changed.

    Raises:
        LakeError: there is no lake, or no snapshot to compare with.
    """
    lake = open_lake(root)
    return [*_rules(root), *_snapshot(root), *(_result(name, look(lake)) for name, look in _LOOKS.items())]


def _rules(root: Path) -> Iterator[CheckResult]:
    with connect(root) as connection:
        for name, count in run_checks(connection).items():
            yield CheckResult(name, count == 0, f"{count} offending rows")


def _snapshot(root: Path) -> Iterator[CheckResult]:
    for table in LOADED_TABLES:
        stored, parts = compare_with_parts(root, table)
        same = stored == parts
        detail = f"{stored[0]} rows in the snapshot, {parts[0]} in the part files, {'equal' if same else 'not equal'}"
        yield CheckResult(f"{table} equal part files", same, detail)


def _unreadable_parts(lake: Lake) -> list[str]:
    return [
        f"{table}/{path.name}"
        for table in SCHEMAS
        for path in sorted(lake.folder(table).glob("part-*.parquet"))
        if not _readable(path, SCHEMAS[table])
    ]


def _readable(path: Path, schema: pa.Schema) -> bool:
    try:
        return bool(pq.read_table(path).schema.equals(schema))
    except (OSError, pa.ArrowException):
        return False


def _unmatched_parts(lake: Lake) -> list[str]:
    tables = SCHEMAS if lake.private.exists() else PUBLIC_TABLES  # of a lake in a bucket one may see the public part
    committed = {path.name for table in tables for path in lake.folder(table).glob("part-*.parquet")}
    unmatched = []
    for table in tables:
        names = {path.name for path in lake.folder(table).glob("part-*.parquet")}
        unmatched += [f"{table}/{name}" for name in sorted(names ^ committed)]
    return unmatched


def _temporary_files(lake: Lake) -> list[str]:
    return sorted(path.name for path in lake.root.rglob(f"{TEMPORARY}*"))


def _open_secrets(lake: Lake) -> list[str]:
    modes = {lake.private: 0o700, lake.private / "site.key": 0o600}
    return [path.name for path, mode in modes.items() if path.exists() and path.stat().st_mode & 0o777 != mode]


_LOOKS: dict[str, Callable[[Lake], list[str]]] = {
    "every part is readable": _unreadable_parts,
    "every shard has all its parts": _unmatched_parts,
    "no temporary files": _temporary_files,
    "the private folder is private": _open_secrets,
}


def _result(name: str, offenders: list[str]) -> CheckResult:
    return CheckResult(name, not offenders, ", ".join(offenders[:5]) or "none found")
