"""Where attention to a finding usually lies, learned from maps and labels alone; merged attention weighted by it.

Not in the paper. A network of few films looks also at what goes along with a finding: letters, tubes, the film's edge.
Over all films with the finding such looks average out, and what stays is a picture of the places where it occurs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from harvest.geometry import Float32Map, Placement

PLACE_SHAPE = (16, 16)
"""Rows and columns of a place, over the upright film."""
FLOOR = 0.1
"""Added to the mean of normalised maps, so that no part of a film is shut out."""
MINIMUM_FILMS = 20
"""Films below which a finding gets no place."""

Place = tuple[tuple[float, ...], ...]
Grid = npt.NDArray[np.float64]


def weigh(merged: Float32Map, weights: Sequence[Grid], placement: Placement) -> Float32Map:
    """Multiply merged attention, normalised over the film, by weights laid over the film.

    Args:
        merged: (h, w) H_f over the whole network input, any range.
        weights: each (rows, columns) over the upright film, 0 or more; interpolated bilinearly.
        placement: of the film in the network input.

    Returns:
        float32 (h, w), 0 or more; all 0 where H_f is constant over the film, or the film lies between two cells.
    """
    rows, columns = _film_coordinates(merged.shape, placement)
    film = merged[np.ix_((rows > 0) & (rows < 1), (columns > 0) & (columns < 1))].astype(np.float64)
    if not film.size or film.max() - film.min() <= 1e-9:
        return np.zeros_like(merged)
    normalised = ((merged - film.min()) / (film.max() - film.min())).clip(0, 1)
    for grid in weights:
        at = np.meshgrid(rows * grid.shape[0] - 0.5, columns * grid.shape[1] - 0.5, indexing="ij")
        normalised = normalised * ndimage.map_coordinates(grid, at, order=1, mode="nearest")
    weighed: Float32Map = normalised.astype(np.float32)
    return weighed


def learn_place(maps: Sequence[tuple[Float32Map, Placement]]) -> Place | None:
    """Average the merged attention of the films with one finding.

    Args:
        maps: H_f and placement of each film that the label table gives the finding.

    Returns:
        Values above 0 and at most 1, to three decimals; None for fewer than ``MINIMUM_FILMS``.
    """
    if len(maps) < MINIMUM_FILMS:
        return None
    mean = np.mean([_over_film(merged, placement) for merged, placement in maps], axis=0)
    raised = (mean - mean.min()) / max(float(mean.max() - mean.min()), 1e-9) + FLOOR
    return tuple(tuple(round(float(value), 3) for value in row) for row in raised / raised.max())


def _over_film(merged: Float32Map, placement: Placement) -> Grid:
    """Return H_f normalised over the film, at the centres of the cells of a place."""
    x_min, y_min, x_max, y_max = placement.content_box
    height, width = placement.input_hw
    rows = (y_min + (np.arange(PLACE_SHAPE[0]) + 0.5) / PLACE_SHAPE[0] * (y_max - y_min)) / height
    columns = (x_min + (np.arange(PLACE_SHAPE[1]) + 0.5) / PLACE_SHAPE[1] * (x_max - x_min)) / width
    at = np.meshgrid(rows * merged.shape[0] - 0.5, columns * merged.shape[1] - 0.5, indexing="ij")
    film: Grid = ndimage.map_coordinates(merged.astype(np.float64), at, order=1, mode="nearest")
    spread = film.max() - film.min()
    return (film - film.min()) / spread if spread > 1e-9 else np.zeros_like(film)


def _film_coordinates(shape: tuple[int, ...], placement: Placement) -> tuple[Grid, Grid]:
    """Return where the centres of a map's rows and columns lie on the film: 0 and 1 are its edges."""
    x_min, y_min, x_max, y_max = placement.content_box
    height, width = placement.input_hw
    rows = ((np.arange(shape[0]) + 0.5) / shape[0] * height - y_min) / (y_max - y_min)
    columns = ((np.arange(shape[1]) + 0.5) / shape[1] * width - x_min) / (x_max - x_min)
    return rows, columns
