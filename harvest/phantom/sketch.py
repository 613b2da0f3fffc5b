"""A chest film in a few strokes, drawn in a millisecond: for tests that need films, but no findings."""

import numpy as np
from PIL import Image

from harvest.records import FloatArray, UInt8Image

CLOUD_CELLS = (9, 7)


def sketch_chest(seed: int, rows: int, columns: int) -> UInt8Image:
    """Return (rows, columns) uint8, bright is dense: lungs, heart and abdomen under clouds of the seed's own."""
    rng = np.random.default_rng([seed, 2018])
    y, x = np.ogrid[0.5 / rows : 1 : 1 / rows, 0.5 / columns : 1 : 1 / columns]
    y, x = y[:rows], x[:, :columns]
    x = x + rng.normal(0, 0.02)
    grey = 130 + 50 * np.cos((2 * x - 1) * np.pi) + 45 * y
    for side in (-1, 1):
        lung = ((x - 0.5 - side * rng.normal(0.22, 0.01)) / rng.normal(0.15, 0.01)) ** 2
        grey = grey - rng.normal(105, 8) * _soft(lung + ((y - rng.normal(0.43, 0.015)) / rng.normal(0.34, 0.02)) ** 2)
    grey = grey + rng.normal(55, 8) * _soft(((x - 0.57) / 0.17) ** 2 + ((y - 0.68) / 0.16) ** 2)
    film: UInt8Image = np.clip(grey + 18 * _clouds(rng, rows, columns), 0, 255).astype(np.uint8)
    return film


def _soft(squares: FloatArray) -> FloatArray:
    """Return 1 inside an ellipse (sum of squares below 1), 0 outside, with a soft rim."""
    inside: FloatArray = 1 / (1 + np.exp(6 * (squares - 1)))
    return inside


def _clouds(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    coarse = Image.fromarray(rng.standard_normal(CLOUD_CELLS).astype(np.float32))
    return np.asarray(coarse.resize((columns, rows), Image.Resampling.BICUBIC), np.float64)
