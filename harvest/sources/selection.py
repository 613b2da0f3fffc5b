"""Some objects of an archive, named by a list: a table of paths, UIDs or accession numbers, or a disc's DICOMDIR."""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.keywords import WAYS
from harvest.sources.path_index import PathIndex
from harvest.sources.source import Lookup

PATH = "path"
COLUMNS = {"path": PATH} | {keyword.lower(): keyword for keyword in WAYS}
"""What a list may name, by its column's name in small letters; the first of these counts."""
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
        self._paths = PathIndex((path, ()) for path in paths)

    @property
    def reads_here(self) -> bool:
        """As the archive that the objects are in."""
        return self._inner.reads_here

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every object named, paths ascending."""
        return (self._inner.look_up(path) for path, _ in self._paths)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole object; raises like the archive that it is in."""
        return self._inner.read_bytes(path, max_bytes)


def read_list(table: Path) -> tuple[str, Iterator[str]]:
    """Return what a list names, ``path`` or a DICOM keyword, and then yield it.

    Args:
        table: CSV or Parquet with a column ``path``, ``SOPInstanceUID``, ``StudyInstanceUID`` or ``AccessionNumber``,
            in small or capital letters, with or without blanks; a CSV of one column needs no header, and holds paths.

    Raises:
        ArchiveError: the list cannot be read or has no such column; also while it yields.
    """
    with _understood(table):
        if table.suffix.lower() == ".csv":
            return _csv_column(table)
        names = pq.ParquetFile(table).schema_arrow.names
        at = _find_column(table, names)
        return COLUMNS[_plain(names[at])], _parquet_values(table, names[at])


def relative_paths(paths: Iterator[str], root: Path | None) -> Iterator[str]:
    """Yield paths as a listing of the root writes them; one that leads out stays so, and reading it is refused.

    Args:
        paths: as a list has them.
        root: of an archive on disk, in which absolute paths are found again; None for others.
    """
    for path in paths:
        if root is None or not ("/." in f"/{path}" or path.startswith("/") or "//" in path):
            yield path
        else:
            yield PurePosixPath(os.path.relpath(root / path, root)).as_posix()


def _csv_column(table: Path) -> tuple[str, Iterator[str]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        first = next((row for row in csv.reader(file) if row), [])
    if len(first) <= 1 and not (first and _plain(first[0]) in COLUMNS):
        return PATH, _csv_values(table, 0, skip=0)
    at = _find_column(table, first)
    return COLUMNS[_plain(first[at])], _csv_values(table, at, skip=1)


def _csv_values(table: Path, at: int, skip: int) -> Iterator[str]:
    with _understood(table), table.open(encoding="utf-8-sig", newline="") as file:
        for row in islice((row for row in csv.reader(file) if row), skip, None):
            if at < len(row) and (value := row[at].strip()):
                yield value


def _parquet_values(table: Path, column: str) -> Iterator[str]:
    with _understood(table):
        for batch in pq.ParquetFile(table).iter_batches(columns=[column]):
            for cell in batch.column(0).to_pylist():
                if cell is not None and (value := str(cell).strip()):
                    yield value


def _find_column(table: Path, names: Sequence[str]) -> int:
    """Return the place of the column that counts."""
    plain = [_plain(name) for name in names]
    for known in COLUMNS:
        if known in plain:
            return plain.index(known)
    raise ArchiveError(f"The list {table} has no column {' or '.join(COLUMNS.values())}; name what it lists so.")


def _plain(name: str) -> str:
    return re.sub(r"[\s_]", "", name).lower()


@contextmanager
def _understood(table: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise ArchiveError(f"The list {table} cannot be read as {table.suffix[1:]}: {error}.") from error
