"""Rows of the ``attention`` table as what they stand for: maps, and the film's place in the network's frame."""

from typing import Any

import numpy as np

from harvest.asymmetry import ASYMMETRY_SHAPE
from harvest.attention import StoredMaps
from harvest.geometry import Placement

COLUMNS = (
    "instance_key", "finding", "iterations", "map_rows", "map_columns", "maps", "scale", "offset", "keep", "asymmetry",
    "orientation", "pixel_aspect",
)  # fmt: skip
"""What the functions below read."""


def read_maps(row: dict[str, Any]) -> StoredMaps:
    """Return the maps of a row."""
    shape = (row["iterations"], row["map_rows"], row["map_columns"])
    stored = StoredMaps.from_bytes(shape, row["maps"], row["keep"], (row["scale"], row["offset"]))
    if row["asymmetry"] is None:
        return stored
    return stored.with_asymmetry(np.frombuffer(row["asymmetry"], np.int8).reshape(ASYMMETRY_SHAPE))


def read_placement(row: dict[str, Any], film_hw: tuple[int, int], input_hw: tuple[int, int]) -> Placement:
    """Return where the film of a row, with rows and columns ``film_hw``, lies in the network's input."""
    return Placement(*film_hw, input_hw, row["orientation"], row["pixel_aspect"])
