"""The box table of ChestX-ray14 (``BBox_List_2017.csv``): film, finding, x, y, width, height.

Coordinates are pixels of the stored image, not of the 1024 x 1024 frame of the original table: evaluate with
``--box-frame image``.
"""

import csv
from pathlib import Path

from harvest.export.records import Export

HEADER = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]")
SPELLINGS = {"Infiltration": "Infiltrate"}
"""As the original box table writes them."""


def export_nih_csv(export: Export, out: Path) -> int:
    """Write the table; return the number of boxes."""
    export.by_stem()
    rows = [
        (
            f"{film.stem}.png",
            SPELLINGS.get(box["finding"], box["finding"]),
            box["x_min"],
            box["y_min"],
            box["x_max"] - box["x_min"],
            box["y_max"] - box["y_min"],
        )
        for film, box in export.iter_boxes()
    ]
    with out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    return len(rows)
