"""Rows of the ``attention`` table as what they stand for: maps, and the film's place in the network's frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harvest.asymmetry import ASYMMETRY_SHAPE
from harvest.attention import StoredMaps
from harvest.box_rules import MapStack
from harvest.geometry import Placement

COLUMNS = (
    "instance_key", "finding", "iterations", "map_rows", "map_columns", "maps", "scale", "offset", "keep", "asymmetry",
    "orientation", "pixel_aspect",
)  # fmt: skip
"""What the functions below read."""


def read_maps(row: dict[str, Any]) -> StoredMaps:
    """Return the maps of a row."""
    shape = (row["iterations"], row["map_rows"], row["map_columns"])
    maps, keep = (np.frombuffer(row[name], np.uint8) for name in ("maps", "keep"))
    stored = StoredMaps.from_bytes(shape, maps, keep, (row["scale"], row["offset"]))
    if row["asymmetry"] is None:
        return stored
    return stored.with_asymmetry(np.frombuffer(row["asymmetry"], np.int8).reshape(ASYMMETRY_SHAPE))


def read_placement(row: dict[str, Any], film_hw: tuple[int, int], input_hw: tuple[int, int]) -> Placement:
    """Return where the film of a row, with rows and columns ``film_hw``, lies in the network's input."""
    return Placement(*film_hw, input_hw, row["orientation"], row["pixel_aspect"])


def read_map_stack(rows: pa.Table, films_hw: Sequence[tuple[int, int]], input_hw: tuple[int, int]) -> MapStack:
    """Return the maps of many rows of one model, at least one, with where their films lie.

    Args:
        rows: of ``COLUMNS``.
        films_hw: rows and columns of the film of each.
        input_hw: of the network.
    """
    shape = tuple(rows[name][0].as_py() for name in ("iterations", "map_rows", "map_columns"))
    levels = [pc.list_flatten(rows[name]).to_numpy().reshape(len(rows), -1) for name in ("scale", "offset")]
    stored = StoredMaps.from_bytes(shape, _cells(rows["maps"]), _cells(rows["keep"]), (levels[0], levels[1]))
    if not rows["asymmetry"].null_count:
        seen = _cells(rows["asymmetry"]).view(np.int8)
        stored = stored.with_asymmetry(seen.reshape(len(rows), *ASYMMETRY_SHAPE))
    turned = zip(films_hw, rows["orientation"].to_pylist(), rows["pixel_aspect"].to_pylist(), strict=True)
    placements = [Placement(*film_hw, input_hw, orientation, aspect) for film_hw, orientation, aspect in turned]
    return MapStack(rows["finding"].to_pylist(), stored, placements)


def _cells(column: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """Return a column of equally long bytes as (rows, bytes)."""
    values = column.combine_chunks()
    _, ends, data = values.buffers()
    first, last = np.frombuffer(ends, np.int32)[[values.offset, values.offset + len(values)]]
    return np.frombuffer(data or b"", np.uint8)[first:last].reshape(len(values), -1)
