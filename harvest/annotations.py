"""Label and box tables in the dialects in which copies of ChestX-ray14 come.

A label table has one row per film (``Image Index``, ``Finding Labels``, other columns optional); a box table one row
per annotated box, its first six cells film, finding, x, y, width and height. Films are named by file stem, because the
tables say ``.png`` while copies are JPEG or DICOM. Source: Wang et al., CVPR 2017, and the tables of the NIH.
"""

import csv
import gzip
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harvest.ages import parse_age
from harvest.errors import TableError, UnknownFindingError
from models.findings import canonical_finding, parse_labels


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What the label table says of one film.

    Attributes:
        findings: asserted ones, canonical, in project order; empty for ``No Finding``.
        patient_id: None where the table has no such column or an empty cell; so the next three.
        age: years.
        sex: as written (M, F, O).
        view: as written (PA, AP).
        columns: every cell of the row, by column name.
    """

    findings: tuple[str, ...]
    patient_id: str | None = None
    age: float | None = None
    sex: str | None = None
    view: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelTable:
    """A label table.

    Attributes:
        rows: by file stem, in the table's order.
        digest: SHA-256 of the file, hex.
        skipped: lines left out under ``lenient``, each with its number and reason.
    """

    rows: Mapping[str, LabelRow]
    digest: str
    skipped: tuple[str, ...] = ()

    def select(self, column: str, values: Iterable[str]) -> "LabelTable":
        """Keep the rows whose cell of a column is one of ``values``.

        Raises:
            TableError: the table has no such column, or no row is left.
        """
        wanted = set(values)
        known = {row.columns.get(column) for row in self.rows.values()}
        if known <= {None}:
            raise TableError(f"The label table has no column {column!r}.")
        rows = {stem: row for stem, row in self.rows.items() if row.columns.get(column) in wanted}
        if not rows:
            names = ", ".join(sorted(value for value in known if value)[:10])
            raise TableError(f"No row of the label table has {column} = {', '.join(sorted(wanted))}; it has: {names}.")
        return LabelTable(rows, self.digest, self.skipped)


@dataclass(frozen=True, slots=True)
class AnnotatedBox:
    """One box drawn by a person: corners in the table's own frame (NIH: 1024 x 1024), half-open."""

    stem: str
    finding: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float


@dataclass(frozen=True, slots=True)
class BoxTable:
    """Annotated boxes in the table's order; ``digest`` and ``skipped`` as in :class:`LabelTable`."""

    boxes: tuple[AnnotatedBox, ...]
    digest: str
    skipped: tuple[str, ...] = ()


def read_label_table(path: str | Path, lenient: bool = False) -> LabelTable:
    """Read a label table (CSV, or gzipped CSV).

    Args:
        path: of the file.
        lenient: leave out rows that cannot be read, and say which, instead of raising.

    Raises:
        TableError: the file is missing or no label table; a film has two rows; a row cannot be read.
    """
    lines, digest = _read_lines(Path(path))
    _, header = next(lines, (1, []))
    names = [cell.strip() for cell in header]
    missing = [name for name in ("Image Index", "Finding Labels") if name not in names]
    if missing:
        raise TableError(f"{path} is no label table: it has no column {' and no column '.join(map(repr, missing))}.")
    rows: dict[str, LabelRow] = {}
    skipped = []
    for number, cells in lines:
        try:
            stem, row = _label_row(names, cells)
        except (ValueError, UnknownFindingError) as error:
            skipped.append(_foreign(path, number, error, lenient))
            continue
        if stem in rows:
            raise TableError(f"{path}, line {number}: the film {stem} has two rows; keep one of them.")
        rows[stem] = row
    if not rows:
        raise TableError(f"{path} holds no film.")
    return LabelTable(rows, digest, tuple(skipped))


def read_box_table(path: str | Path, lenient: bool = False) -> BoxTable:
    """Read a box table (CSV, or gzipped CSV), with or without a header, however that is split.

    Args:
        path: of the file.
        lenient: leave out rows that cannot be read, and say which, instead of raising.

    Raises:
        TableError: the file is missing, holds no box, or a row cannot be read.
    """
    lines, digest = _read_lines(Path(path))
    boxes, skipped = [], []
    first = True
    for number, cells in lines:
        header, first = first and cells[0].strip().lower() == "image index", False
        if header:
            continue
        try:
            boxes.append(_box_row(cells))
        except (ValueError, UnknownFindingError) as error:
            skipped.append(_foreign(path, number, error, lenient))
    if not boxes:
        raise TableError(f"{path} holds no annotated box.")
    return BoxTable(tuple(boxes), digest, tuple(skipped))


def match_films(paths: Iterable[str], stems: Iterable[str]) -> dict[str, str]:
    """Find the file of each film that a table names.

    Args:
        paths: of the archive's objects, POSIX.
        stems: the table's films.

    Returns:
        Stem to path, in the order of ``stems``; films without a file are absent.

    Raises:
        TableError: two files have a wanted stem, or no film has a file.
    """
    wanted = dict.fromkeys(stems)
    found: dict[str, str] = {}
    for path in paths:
        stem = film_stem(path)
        if stem not in wanted:
            continue
        if stem in found:
            raise TableError(f"The film {stem} is ambiguous: {found[stem]} and {path}. Name one folder of images.")
        found[stem] = path
    if not found:
        example = next(iter(wanted), "none")
        raise TableError(f"None of the table's {len(wanted)} films (such as {example}) is among the images.")
    return {stem: found[stem] for stem in wanted if stem in found}


def film_stem(name: str) -> str:
    """Return the file name without folder and last extension (``a/00000001_000.png`` names ``00000001_000``)."""
    return PurePosixPath(name.strip().replace("\\", "/")).stem


def _read_lines(path: Path) -> tuple[Iterator[tuple[int, list[str]]], str]:
    """Return numbered rows (from 1) that are not blank, and the file's digest."""
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError) as error:
        raise TableError(f"Cannot read the table {path}: {getattr(error, 'strerror', None) or error}.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not a text table in UTF-8.") from error
    return _iter_rows(path, text), hashlib.sha256(data).hexdigest()


def _iter_rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text))
    try:
        for cells in rows:
            if any(map(str.strip, cells)):
                yield rows.line_num, cells
    except csv.Error as error:
        raise TableError(f"{path}, line {rows.line_num}: {error}.") from error


def _label_row(names: list[str], cells: list[str]) -> tuple[str, LabelRow]:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise ValueError(f"{len(cells)} cells under {len(names)} columns")
    columns = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
    if not columns["Image Index"] or "Finding Labels" not in columns:
        raise ValueError("no film name or no labels")
    row = LabelRow(
        findings=parse_labels(columns["Finding Labels"]),
        patient_id=columns.get("Patient ID") or None,
        age=parse_age(columns.get("Patient Age", "")),
        sex=columns.get("Patient Gender") or columns.get("Patient Sex") or None,
        view=columns.get("View Position") or None,
        columns=columns,
    )
    return film_stem(columns["Image Index"]), row


def _box_row(cells: list[str]) -> AnnotatedBox:
    if len(cells) < 6 or any(cell.strip() for cell in cells[6:]):
        raise ValueError(f"{len(cells)} cells where film, finding, x, y, width and height are expected")
    x, y, width, height = (float(cell) for cell in cells[2:6])
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise ValueError("a box needs finite corners and a width and height above zero")
    if not cells[0].strip():
        raise ValueError("no film name")
    return AnnotatedBox(film_stem(cells[0]), canonical_finding(cells[1]), x, y, x + width, y + height)


def _foreign(path: str | Path, number: int, error: Exception, lenient: bool) -> str:
    """Say what is wrong with a line, by raising unless ``lenient``."""
    message = f"line {number}: {str(error).rstrip('.')}"
    if lenient:
        return message
    raise TableError(f"{path}, {message}. Correct the row, or leave such rows out with --lenient.") from error
