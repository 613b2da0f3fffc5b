"""From merged attention to boxes in pixels of the stored image.

Source: Cai et al. 2018, sec. 3.2: up to three boxes per film and finding, one per intensity threshold, ranked by the
mean attention inside. Which thresholds, components and order is left open there and set by ``models.spec.BoxSpec``.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from harvest.geometry import Placement
from models.spec import BoxSpec

Float32Map = npt.NDArray[np.float32]
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=np.int8)


@dataclass(frozen=True, slots=True)
class CutBox:
    """One harvested box.

    Attributes:
        box: x_min, y_min, x_max, y_max in pixels of the stored image, half-open.
        mean_attention: mean of the heatmap inside the box, [0, 1].
        threshold: of the heatmap, at which the box was cut.
    """

    box: tuple[float, float, float, float]
    mean_attention: float
    threshold: float


@dataclass(frozen=True, slots=True)
class _Region:
    rows: slice
    columns: slice
    mean_attention: float
    threshold: float


def cut_boxes(merged: Float32Map, thresholds: tuple[float, ...], spec: BoxSpec, placement: Placement) -> list[CutBox]:
    """Cut the boxes of one film and finding, best rank first.

    Args:
        merged: (h, w) H_f over the whole network input, any range.
        thresholds: of the heatmap, each in (0, 1).
        spec: enlargement, smoothing, components, order, number.
        placement: of this film in the network input.

    Returns:
        At most ``spec.max_boxes`` distinct boxes; none for a map that is constant over the film.
    """
    heatmap, origin = film_heatmap(merged, spec, placement)
    if not heatmap.any():
        return []
    find = _peak_regions if spec.components == "peak" else _all_regions
    regions = _in_rank_order(find(heatmap, thresholds), spec, thresholds)
    cell_y = placement.input_hw[0] / (merged.shape[0] * spec.upsampling)
    cell_x = placement.input_hw[1] / (merged.shape[1] * spec.upsampling)
    edges = np.array([_edges(region) for region in regions], dtype=np.float64)
    edges = (edges + np.array(origin * 2)[::-1]) * np.array([cell_x, cell_y, cell_x, cell_y])
    boxes = placement.boxes_to_image(edges)
    cut = [
        CutBox((float(box[0]), float(box[1]), float(box[2]), float(box[3])), region.mean_attention, region.threshold)
        for box, region in zip(boxes, regions, strict=True)
    ]
    distinct = {one.box: one for one in reversed(cut)}
    return [one for one in cut if distinct[one.box] is one][: spec.max_boxes]


def film_heatmap(merged: Float32Map, spec: BoxSpec, placement: Placement) -> tuple[Float32Map, tuple[int, int]]:
    """Enlarge H_f, keep the part that the film covers, and normalise it to [0, 1].

    Returns:
        The heatmap (rows, columns) on the enlarged grid, and the (row, column) on that grid of its first cell. A
        constant map gives zeros.
    """
    rows, columns = (enlarger(size, spec.upsampling, spec.smoothing) for size in merged.shape)
    enlarged = rows @ merged.astype(np.float64) @ columns.T
    x_min, y_min, x_max, y_max = heatmap_window((merged.shape[0], merged.shape[1]), spec, placement)
    film = enlarged[y_min:y_max, x_min:x_max]
    spread = film.max() - film.min()
    heatmap = (film - film.min()) / spread if spread > 1e-9 else np.zeros_like(film)
    return heatmap.astype(np.float32), (y_min, x_min)


def heatmap_window(shape: tuple[int, int], spec: BoxSpec, placement: Placement) -> tuple[int, int, int, int]:
    """Return x_min, y_min, x_max, y_max of the film on the enlarged grid of a map of (h, w) ``shape``."""
    scale = np.array(shape)[[1, 0, 1, 0]] * spec.upsampling / np.array(placement.input_hw)[[1, 0, 1, 0]]
    x_min, y_min, x_max, y_max = np.rint(placement.content_box * scale).astype(int).tolist()
    return x_min, y_min, max(x_max, x_min + 1), max(y_max, y_min + 1)


@lru_cache(maxsize=32)
def enlarger(size: int, factor: int, smoothing: float) -> npt.NDArray[np.float64]:
    """Return the (size * factor, size) matrix of Gaussian smoothing (sigma in cells) and bilinear enlargement."""
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    low = np.clip(np.floor(centres), 0, size - 1).astype(int)
    high = np.minimum(low + 1, size - 1)
    fraction = np.clip(centres - low, 0, 1)
    matrix = np.zeros((size * factor, size))
    index = np.arange(size * factor)
    np.add.at(matrix, (index, low), 1 - fraction)
    np.add.at(matrix, (index, high), fraction)
    smooth = ndimage.gaussian_filter1d(np.eye(size), smoothing, axis=0, mode="nearest") if smoothing else np.eye(size)
    return matrix @ smooth


def _peak_regions(heatmap: Float32Map, thresholds: tuple[float, ...]) -> list[_Region]:
    """Of each threshold the component that holds the maximum; components of higher thresholds lie inside lower ones."""
    peak_row, peak_column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    rows, columns = slice(0, heatmap.shape[0]), slice(0, heatmap.shape[1])
    regions = []
    for threshold in sorted(set(thresholds)):
        window = heatmap[rows, columns]
        labels, _ = ndimage.label(window >= threshold, EIGHT_NEIGHBOURS)
        mask = labels == labels[peak_row - rows.start, peak_column - columns.start]
        rows, columns = _span(mask.any(axis=1), rows.start), _span(mask.any(axis=0), columns.start)
        regions.append(_region(heatmap, rows, columns, threshold))
    return regions


def _all_regions(heatmap: Float32Map, thresholds: tuple[float, ...]) -> list[_Region]:
    regions = []
    for threshold in sorted(set(thresholds)):
        labels, _ = ndimage.label(heatmap >= threshold, EIGHT_NEIGHBOURS)
        regions += [_region(heatmap, rows, columns, threshold) for rows, columns in ndimage.find_objects(labels)]
    return regions


def _span(hit: npt.NDArray[np.bool_], start: int) -> slice:
    where = np.flatnonzero(hit)
    return slice(start + int(where[0]), start + int(where[-1]) + 1)


def _region(heatmap: Float32Map, rows: slice, columns: slice, threshold: float) -> _Region:
    return _Region(rows, columns, float(heatmap[rows, columns].mean(dtype=np.float64)), threshold)


def _edges(region: _Region) -> tuple[int, int, int, int]:
    return region.columns.start, region.rows.start, region.columns.stop, region.rows.stop


def _in_rank_order(regions: list[_Region], spec: BoxSpec, thresholds: tuple[float, ...]) -> list[_Region]:
    """Order regions by ``spec.rank_by``; ties by threshold, then place, so that the order is always the same."""

    def first(region: _Region) -> float:
        by = {
            "mean_attention": -region.mean_attention,
            "threshold_ascending": region.threshold,
            "threshold_descending": -region.threshold,
            "listed": thresholds.index(region.threshold),
        }
        return by[spec.rank_by]

    return sorted(regions, key=lambda region: (first(region), -region.mean_attention, region.threshold, _edges(region)))
