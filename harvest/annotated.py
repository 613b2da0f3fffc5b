"""Annotated boxes in a lake: one part file for each imported annotation file, and a box table that names films.

The part (``annotated_boxes/``) names films by instance key and becomes the table ``annotated_boxes``; the box table
(``private/annotated/``) names them by stem, for ``evaluate``.
"""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from harvest.annotations import AnnotatedBox, film_stem
from harvest.lake import TEMPORARY, Lake, replace_durably

ANNOTATED_BOXES = pa.schema(
    [
        pa.field("annotation_set", pa.string(), nullable=False),
        pa.field("instance_key", pa.string(), nullable=False),
        pa.field("finding", pa.string(), nullable=False),
        *(pa.field(name, pa.float64(), nullable=False) for name in ("x_min", "y_min", "x_max", "y_max")),
    ]
)
HEADER = ("Image Index", "Finding Label", "x", "y", "w", "h")


def annotated_parts(root: Path) -> list[Path]:
    """Return the part files of a lake."""
    return sorted((root / "annotated_boxes").glob("part-*.parquet"))


def box_tables(lake: Lake) -> list[Path]:
    """Return the box tables of a lake, the latest import last."""
    return sorted((lake.private / "annotated").glob("boxes-*.csv"), key=lambda path: path.stat().st_mtime_ns)


def write_annotated(lake: Lake, annotation_set: str, boxes: Iterable[tuple[str, AnnotatedBox]]) -> Path:
    """Write boxes, each with its film's instance key, in the place of an earlier import of the same file.

    Returns:
        The box table.
    """
    pairs = list(boxes)
    rows: list[dict[str, Any]] = [
        {
            "annotation_set": annotation_set,
            "instance_key": key,
            "finding": box.finding,
            "x_min": box.x_min,
            "y_min": box.y_min,
            "x_max": box.x_max,
            "y_max": box.y_max,
        }
        for key, box in pairs
    ]
    folder = lake.root / "annotated_boxes"
    folder.mkdir(exist_ok=True)
    _write_part(folder / f"part-{annotation_set}.parquet", pa.Table.from_pylist(rows, schema=ANNOTATED_BOXES))
    table = lake.private / "annotated" / f"boxes-{annotation_set}.csv"
    table.parent.mkdir(exist_ok=True)
    _write_table(table, [_table_row(box) for _, box in pairs])
    return table


def drop_annotated(lake: Lake, keys: Collection[str], stems: Collection[str]) -> None:
    """Remove the boxes of films that are to be forgotten, from parts and box tables."""
    for path in annotated_parts(lake.root):
        rows = pq.read_table(path)
        kept = rows.filter(~ds.field("instance_key").isin(pa.array(sorted(keys), pa.string())))
        if kept.num_rows < rows.num_rows:
            _write_part(path, kept)
    for table in box_tables(lake):
        with table.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))[1:]
        left = [line for line in lines if film_stem(line[0]) not in stems]
        if len(left) < len(lines):
            _write_table(table, left)


def _table_row(box: AnnotatedBox) -> tuple[object, ...]:
    return f"{box.stem}.png", box.finding, box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min


def _write_part(path: Path, rows: pa.Table) -> None:
    temporary = path.with_name(TEMPORARY + path.name)
    pq.write_table(rows, temporary, compression="zstd")
    replace_durably(temporary, path)


def _write_table(path: Path, rows: Iterable[Iterable[object]]) -> None:
    temporary = path.with_name(TEMPORARY + path.name)
    with temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    replace_durably(temporary, path)
