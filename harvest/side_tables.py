"""Small tables of a lake beside the harvest: annotated boxes, and what was measured of harvested ones.

Each is a folder of part files, named as the table, whose rows name films by instance key; publishing loads all of them.
"""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from harvest.files import TEMPORARY, replace_durably
from harvest.lake import Lake

_KEY = pa.field("instance_key", pa.string(), nullable=False)
_FINDING = pa.field("finding", pa.string(), nullable=False)

SIDE_TABLES: dict[str, pa.Schema] = {
    "annotated_boxes": pa.schema(
        [
            pa.field("annotation_set", pa.string(), nullable=False),
            _KEY,
            _FINDING,
            *(pa.field(name, pa.float64(), nullable=False) for name in ("x_min", "y_min", "x_max", "y_max")),
        ]
    ),
    "box_stability": pa.schema(
        [
            pa.field("config_fingerprint", pa.string(), nullable=False),
            _KEY,
            _FINDING,
            pa.field("shift_x", pa.int32(), nullable=False),
            pa.field("shift_y", pa.int32(), nullable=False),
            pa.field("probability", pa.float64(), nullable=False),
            pa.field("shifted_probability", pa.float64(), nullable=False),
            pa.field("gated", pa.bool_(), nullable=False),
            pa.field("shifted_gated", pa.bool_(), nullable=False),
            pa.field("iou", pa.float64()),
        ]
    ),
}


def side_parts(root: Path, table: str) -> list[Path]:
    """Return the part files of a table."""
    return sorted((root / table).glob("part-*.parquet"))


def write_side_part(lake: Lake, table: str, name: str, rows: pa.Table) -> None:
    """Write one part, in the place of an earlier one of that name; it appears whole."""
    folder = lake.root / table
    folder.mkdir(exist_ok=True)
    path = folder / f"part-{name}.parquet"
    temporary = path.with_name(TEMPORARY + path.name)
    pq.write_table(rows.cast(SIDE_TABLES[table]), temporary, compression="zstd")
    replace_durably(temporary, path)


def drop_from_side_tables(lake: Lake, keys: Collection[str]) -> None:
    """Remove the rows of films that are to be forgotten."""
    gone = ds.field("instance_key").isin(pa.array(sorted(keys), pa.string()))
    for table in SIDE_TABLES:
        for path in side_parts(lake.root, table):
            rows = pq.read_table(path)
            kept = rows.filter(~gone)
            if kept.num_rows < rows.num_rows:
                write_side_part(lake, table, path.stem.removeprefix("part-"), kept)
