"""Annotated boxes in a lake: rows of the table ``annotated_boxes``, and a box table that names films.

There is one part and one box table for each imported file. The part names films by instance key; the box table
(``private/annotated/``) names them by stem, for ``evaluate``.
"""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path

import pyarrow as pa

from harvest.annotations import AnnotatedBox, film_stem
from harvest.files import TEMPORARY, replace_durably
from harvest.lake import Lake
from harvest.side_tables import SIDE_TABLES, drop_from_side_tables, write_side_part

HEADER = ("Image Index", "Finding Label", "x", "y", "w", "h")


def box_tables(lake: Lake) -> list[Path]:
    """Return the box tables of a lake, the latest import last."""
    return sorted((lake.private / "annotated").glob("boxes-*.csv"), key=lambda path: path.stat().st_mtime_ns)


def write_annotated(lake: Lake, annotation_set: str, boxes: Iterable[tuple[str, AnnotatedBox]]) -> Path:
    """Write boxes, each with its film's instance key, in the place of an earlier import of the same file.

    Returns:
        The box table.
    """
    pairs = list(boxes)
    rows = [
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
    schema = SIDE_TABLES["annotated_boxes"]
    write_side_part(lake, "annotated_boxes", annotation_set, pa.Table.from_pylist(rows, schema=schema))
    table = lake.private / "annotated" / f"boxes-{annotation_set}.csv"
    table.parent.mkdir(exist_ok=True)
    _write_table(table, [_table_row(box) for _, box in pairs])
    return table


def forget_films(lake: Lake, keys: Collection[str], stems: Collection[str]) -> None:
    """Remove films from the small tables and the box tables."""
    drop_from_side_tables(lake, keys)
    for table in box_tables(lake):
        with table.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))[1:]
        left = [line for line in lines if film_stem(line[0]) not in stems]
        if len(left) < len(lines):
            _write_table(table, left)


def _table_row(box: AnnotatedBox) -> tuple[object, ...]:
    return f"{box.stem}.png", box.finding, box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min


def _write_table(path: Path, rows: Iterable[Iterable[object]]) -> None:
    temporary = path.with_name(TEMPORARY + path.name)
    with temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    replace_durably(temporary, path)
