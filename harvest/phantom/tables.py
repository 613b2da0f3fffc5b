"""The label table and the box table of a phantom archive, in the NIH's dialect.

Box coordinates are pixels of the written film (phantoms are not all 1024 x 1024).
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from harvest.phantom.films import PhantomBox
from models.findings import NO_FINDING

LABEL_COLUMNS = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
    "OriginalImage[Width",
    "Height]",
    "OriginalImagePixelSpacing[x",
    "y]",
    "split",
)
"""The official header, brackets split over columns as there, and the split."""
BOX_COLUMNS = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]")
_BOX_SPELLING = {"Infiltration": "Infiltrate"}
"""The official box table's own word."""

LabelCells = tuple[str | int | float, ...]


def write_label_table(path: Path, rows: Iterable[LabelCells]) -> None:
    """Write ``labels.csv``: one row per film."""
    _write(path, LABEL_COLUMNS, rows)


def write_box_table(path: Path, films: Iterable[tuple[str, tuple[PhantomBox, ...]]]) -> None:
    """Write ``boxes.csv``: one row per box, films named by their PNG."""
    rows = (
        (name, _BOX_SPELLING.get(box.finding, box.finding), box.x, box.y, box.width, box.height)
        for name, boxes in films
        for box in boxes
    )
    _write(path, BOX_COLUMNS, rows)


def join_labels(labels: tuple[str, ...]) -> str:
    """Return the cell of a film's findings."""
    return "|".join(labels) or NO_FINDING


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[LabelCells]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
