"""Some objects of an archive, named by a list: a table of paths, or the DICOMDIR of a disc."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.source import Lookup

COLUMN = "path"
SUFFIXES = (".csv", ".parquet")


class Selection:
    """The objects of an archive that a list names, each once; what is not there is listed, too, and so rejected.

    Attributes:
        name: of the archive.
    """

    lists_everything = True

    def __init__(self, inner: Lookup, paths: Iterator[str], name: str) -> None:
        self.name = name
        self._inner = inner
        self._paths = sorted(set(paths))

    @property
    def reads_here(self) -> bool:
        """As the archive that the objects are in."""
        return self._inner.reads_here

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every object named, paths ascending."""
        return (self._inner.look_up(path) for path in self._paths)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole object; raises like the archive that it is in."""
        return self._inner.read_bytes(path, max_bytes)


def read_list(table: Path, root: Path | None) -> Iterator[str]:
    """Yield the paths of a list file, relative to the root of the archive as far as they lie in it.

    Args:
        table: CSV or Parquet with a column ``path``; a CSV of one column needs no header.
        root: of an archive on disk, in which absolute paths are found again; None for others.

    Raises:
        ArchiveError: the list cannot be read or has no such column.
    """
    try:
        rows = _csv_paths(table) if table.suffix.lower() == ".csv" else _parquet_paths(table)
        for row in rows:
            if row and row.strip():
                yield _relative(row.strip(), root)
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise ArchiveError(f"The list {table} cannot be read as {table.suffix[1:]}: {error}.") from error


def _csv_paths(table: Path) -> Iterator[str]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = (row for row in csv.reader(file) if row)
        first = next(rows, [])
        header = [cell.strip().lower() for cell in first]
        if COLUMN not in header and len(header) > 1:
            raise ArchiveError(f"The list {table} has no column {COLUMN!r}; name the column of the paths so.")
        at = header.index(COLUMN) if COLUMN in header else 0
        if COLUMN not in header and first:
            yield first[0]
        yield from (row[at] for row in rows if at < len(row))


def _parquet_paths(table: Path) -> Iterator[str]:
    file = pq.ParquetFile(table)
    if COLUMN not in file.schema_arrow.names:
        raise ArchiveError(f"The list {table} has no column {COLUMN!r}; name the column of the paths so.")
    for batch in file.iter_batches(columns=[COLUMN]):
        yield from batch.column(0).to_pylist()


def _relative(path: str, root: Path | None) -> str:
    """Return a path as a listing of the root writes it; one that leads out stays so, and reading it is refused."""
    if root is None or not ("/." in f"/{path}" or path.startswith("/") or "//" in path):
        return path
    return PurePosixPath(os.path.relpath(root / path, root)).as_posix()
