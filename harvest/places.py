"""Where attention to a finding usually lies, learned from maps and labels alone; merged attention weighted by it.

Not in the paper. A network of few films looks also at what goes along with a finding: letters, tubes, the film's edge.
Over all films with the finding such looks average out, and what stays is a picture of the places where it occurs.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from harvest.components import IntArray
from harvest.geometry import Float32Map, Placement

PLACE_SHAPE = (16, 16)
"""Rows and columns of a place, over the upright film."""
FLOOR = 0.1
"""Added to the mean of normalised maps, so that no part of a film is shut out."""
MINIMUM_FILMS = 20
"""Films below which a finding gets no place."""

Place = tuple[tuple[float, ...], ...]
Grid = npt.NDArray[np.float64]


def weigh(merged: Float32Map, layers: Sequence[tuple[IntArray, Grid]], placements: Sequence[Placement]) -> Float32Map:
    """Multiply merged attention, normalised over the film, by weights laid over the film.

    Args:
        merged: (N, h, w) H_f over the whole network input, any range.
        layers: which of the N maps (ascending), and weights for them over the upright film, a grid for each or one for
            all: (n or 1, rows, columns), 0 or more; interpolated bilinearly.
        placements: N, of the films in the network input.

    Returns:
        float32 (N, h, w). A map in no layer is returned as it is, any other is 0 or more; all 0 where H_f is constant
        over the film, or the film lies between two cells.
    """
    if not layers:
        return merged
    chosen = np.unique(np.concatenate([which for which, _ in layers]))
    film = [_film_coordinates(merged.shape[1:], placements[of]) for of in chosen]
    rows, columns = np.array([one for one, _ in film]), np.array([one for _, one in film])
    normalised = _normalise(merged[chosen].astype(np.float64), rows, columns)
    for which, grids in layers:
        at = np.searchsorted(chosen, which)
        normalised[at] *= _interpolate(grids, rows[at], columns[at])
    weighed = merged.copy()
    weighed[chosen] = normalised
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


def _normalise(merged: Grid, rows: Grid, columns: Grid) -> Grid:
    """Scale maps (N, h, w) to [0, 1] by the extremes of the cells whose centres lie on the film; see :func:`weigh`."""
    on_film = ((rows > 0) & (rows < 1))[:, :, None] & ((columns > 0) & (columns < 1))[:, None, :]
    low = np.where(on_film, merged, np.inf).min(axis=(1, 2), keepdims=True)
    spread = np.where(on_film, merged, -np.inf).max(axis=(1, 2), keepdims=True) - low
    usable = spread > 1e-9
    scaled = (merged - np.where(usable, low, 0)) / np.where(usable, spread, 1)
    return np.where(usable, scaled.clip(0, 1), 0)


def _interpolate(grids: Grid, rows: Grid, columns: Grid) -> Grid:
    """Return grids (N or 1, r, c) at places on the film, (N, h) and (N, w), 0 to 1: (N, h, w)."""
    above, below, down = _neighbours(rows[:, :, None], grids.shape[1])
    left, right, across = _neighbours(columns[:, None, :], grids.shape[2])
    of = np.arange(len(grids))[:, None, None] * grids.shape[1]

    def weighted(row: IntArray, down: Grid, column: IntArray, across: Grid) -> Grid:
        values: Grid = grids.take((of + row) * grids.shape[2] + column)
        return values * down * across

    from_above = weighted(above, 1 - down, left, 1 - across) + weighted(above, 1 - down, right, across)
    return from_above + weighted(below, down, left, 1 - across) + weighted(below, down, right, across)


def _neighbours(places: Grid, cells: int) -> tuple[IntArray, IntArray, Grid]:
    """Return the cells before and after each place, and how far it is from the first to the second."""
    at = (places * cells - 0.5).clip(0, cells - 1)
    before = np.floor(at).astype(np.int64)
    return before, np.minimum(before + 1, cells - 1), at - before


@lru_cache(maxsize=1024)
def _film_coordinates(shape: tuple[int, ...], placement: Placement) -> tuple[Grid, Grid]:
    """Return where the centres of a map's rows and columns lie on the film: 0 and 1 are its edges."""
    x_min, y_min, x_max, y_max = placement.content_box
    height, width = placement.input_hw
    rows = ((np.arange(shape[0]) + 0.5) / shape[0] * height - y_min) / (y_max - y_min)
    columns = ((np.arange(shape[1]) + 0.5) / shape[1] * width - x_min) / (x_max - x_min)
    return rows, columns
