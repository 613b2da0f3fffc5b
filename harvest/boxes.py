"""From merged attention to boxes in pixels of the stored image.

Source: Cai et al. 2018, sec. 3.2: up to three boxes per film and finding, one per intensity threshold, ranked by the
mean attention inside. Which thresholds, components and order is left open there and set by ``models.spec.BoxSpec``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from harvest.components import IntArray, MaskStack
from harvest.geometry import Placement
from harvest.records import FloatArray
from models.spec import BoxSpec

Float32Map = npt.NDArray[np.float32]
Table = npt.NDArray[np.void]
"""A structured array."""

CUT_BOX = np.dtype(
    [("of", np.int64), ("rank", np.int32), ("box", np.float64, 4), ("mean_attention", np.float64),
     ("threshold", np.float64)]
)  # fmt: skip
"""A harvested box of one of many maps: number of the map, rank from 1, the rest as in :class:`CutBox`."""
_REGION = np.dtype(
    [("of", np.int64), ("listed", np.int64), ("edges", np.int64, 4), ("mean_attention", np.float64),
     ("threshold", np.float64)]
)  # fmt: skip
"""A component of a heatmap: ``edges`` are cells of it, ``listed`` is the place of the threshold in its list."""
_AT_ONCE = 16
"""Maps whose heatmaps are in memory together; more are not faster."""


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
class MapToCut:
    """The merged attention of one film and finding.

    Attributes:
        merged: (h, w) H_f over the whole network input, any range.
        thresholds: of the heatmap, each in (0, 1).
        placement: of this film in the network input.
    """

    merged: Float32Map
    thresholds: tuple[float, ...]
    placement: Placement


def cut_boxes(merged: Float32Map, thresholds: tuple[float, ...], spec: BoxSpec, placement: Placement) -> list[CutBox]:
    """Cut the boxes of one film and finding (as in :class:`MapToCut`), best rank first.

    Returns:
        At most ``spec.max_boxes`` distinct boxes; none for a map that is constant over the film.
    """
    (cut,) = as_boxes(cut_each([MapToCut(merged, thresholds, placement)], spec), 1)
    return list(cut)


def cut_each(maps: Sequence[MapToCut], spec: BoxSpec) -> Table:
    """Cut the boxes of many maps at once, of each those that :func:`cut_boxes` cuts.

    Args:
        maps: any number; faster where those of one film follow each other.
        spec: enlargement, smoothing, components, order, number.

    Returns:
        ``CUT_BOX``, in order of map and rank.
    """
    groups = [_find_regions(maps[start : start + _AT_ONCE], start, spec) for start in range(0, len(maps), _AT_ONCE)]
    regions = np.concatenate([np.empty(0, _REGION), *groups])
    regions = regions[_rank_order(regions, spec)]
    cut = np.empty(len(regions), CUT_BOX)
    for name in ("of", "mean_attention", "threshold"):
        cut[name] = regions[name]
    cut["box"] = _to_images(regions, maps, spec)
    cut = cut[~_repeats(cut)]
    cut["rank"] = np.arange(1, len(cut) + 1) - np.searchsorted(cut["of"], cut["of"])
    return cut[cut["rank"] <= spec.max_boxes]


def as_boxes(cut: Table, maps: int) -> list[tuple[CutBox, ...]]:
    """Return the boxes (of :func:`cut_each`) of each of so many maps."""
    boxes: list[list[CutBox]] = [[] for _ in range(maps)]
    for of, _, (x_min, y_min, x_max, y_max), mean_attention, threshold in cut.tolist():
        boxes[of].append(CutBox((x_min, y_min, x_max, y_max), mean_attention, threshold))
    return [tuple(one) for one in boxes]


def film_heatmap(merged: Float32Map, spec: BoxSpec, placement: Placement) -> tuple[Float32Map, tuple[int, int]]:
    """Enlarge H_f, keep the part that the film covers, and normalise it to [0, 1].

    Returns:
        The heatmap (rows, columns) on the enlarged grid, and the (row, column) on that grid of its first cell. A
        constant map gives zeros.
    """
    rows, columns = (enlarger(size, spec.upsampling, spec.smoothing) for size in merged.shape)
    enlarged = rows @ (columns @ merged.T.astype(np.float64)).T
    x_min, y_min, x_max, y_max = heatmap_window((merged.shape[0], merged.shape[1]), spec.upsampling, placement)
    film = enlarged[y_min:y_max, x_min:x_max]
    heatmap = film - film.min()
    spread = heatmap.max()
    heatmap = heatmap / spread if spread > 1e-9 else np.zeros_like(film)
    return heatmap.astype(np.float32), (y_min, x_min)


@lru_cache(maxsize=1024)
def heatmap_window(shape: tuple[int, int], upsampling: int, placement: Placement) -> tuple[int, int, int, int]:
    """Return x_min, y_min, x_max, y_max of the film on the enlarged grid of a map of (h, w) ``shape``."""
    scale = np.array(shape)[[1, 0, 1, 0]] * upsampling / np.array(placement.input_hw)[[1, 0, 1, 0]]
    x_min, y_min, x_max, y_max = np.rint(placement.content_box * scale).astype(int).tolist()
    return x_min, y_min, max(x_max, x_min + 1), max(y_max, y_min + 1)


@lru_cache(maxsize=32)
def enlarger(size: int, factor: int, smoothing: float) -> sparse.csr_array:
    """Return the (size * factor, size) matrix of Gaussian smoothing (sigma in cells) and bilinear enlargement.

    It is sparse, and must be: dense products would be shared among BLAS's threads, which then wait at full speed for
    the next one, on cores that the network needs.
    """
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    low = np.clip(np.floor(centres), 0, size - 1).astype(int)
    high = np.minimum(low + 1, size - 1)
    fraction = np.clip(centres - low, 0, 1)
    matrix = np.zeros((size * factor, size))
    index = np.arange(size * factor)
    np.add.at(matrix, (index, low), 1 - fraction)
    np.add.at(matrix, (index, high), fraction)
    smooth = ndimage.gaussian_filter1d(np.eye(size), smoothing, axis=0, mode="nearest") if smoothing else np.eye(size)
    return sparse.csr_array(matrix @ smooth)


def _find_regions(maps: Sequence[MapToCut], number: int, spec: BoxSpec) -> Table:
    """Return the regions (``_REGION``) of maps, the first of which has this number.

    Of each threshold the component that holds the maximum, or all; a map that is constant over the film has none.
    """
    heatmaps = [film_heatmap(one.merged, spec, one.placement)[0] for one in maps]
    peaks = [np.unravel_index(int(heatmap.argmax()), heatmap.shape) for heatmap in heatmaps]
    layers = [
        (of, threshold)
        for of, one in enumerate(maps)
        if heatmaps[of][peaks[of]] > 0
        for threshold in sorted(set(one.thresholds))
    ]
    stack = MaskStack(len(layers), *np.max([heatmap.shape for heatmap in heatmaps], axis=0).tolist())
    for mask, (of, threshold) in zip(stack.masks, layers, strict=True):
        rows, columns = heatmaps[of].shape
        np.greater_equal(heatmaps[of], threshold, out=mask[:rows, :columns])
    if spec.components == "peak":
        found = stack.components_at(np.array([peaks[of] for of, _ in layers], np.int64).reshape(-1, 2))
    else:
        found = stack.all_components()
    regions = np.empty(len(found.mask), _REGION)
    regions["edges"] = found.boxes
    mine = [layers[layer] for layer in found.mask.tolist()]
    regions["of"] = [number + of for of, _ in mine]
    regions["threshold"] = [threshold for _, threshold in mine]
    regions["listed"] = [maps[of].thresholds.index(threshold) for of, threshold in mine]
    regions["mean_attention"] = [
        heatmaps[of][y_min:y_max, x_min:x_max].mean(dtype=np.float64)
        for (of, _), (x_min, y_min, x_max, y_max) in zip(mine, found.boxes.tolist(), strict=True)
    ]
    return regions


def _rank_order(regions: Table, spec: BoxSpec) -> IntArray:
    """Order by map and ``spec.rank_by``; ties by threshold, then place, so that the order is always the same."""
    by = {
        "mean_attention": -regions["mean_attention"],
        "threshold_ascending": regions["threshold"],
        "threshold_descending": -regions["threshold"],
        "listed": regions["listed"],
    }
    place = regions["edges"].T[::-1]
    keys = (*place, regions["threshold"], -regions["mean_attention"], by[spec.rank_by], regions["of"])
    return np.lexsort(keys)  # the last key decides first


def _to_images(regions: Table, maps: Sequence[MapToCut], spec: BoxSpec) -> FloatArray:
    """Return (R, 4) boxes in pixels of the stored images; regions are in order of map."""
    boxes = np.empty((len(regions), 4))
    alike = groupby(enumerate(maps), lambda one: (one[1].merged.shape, one[1].placement))
    for (shape, placement), members in alike:
        numbers = [number for number, _ in members]
        start, stop = np.searchsorted(regions["of"], [numbers[0], numbers[-1] + 1])
        x_min, y_min, _, _ = heatmap_window((shape[0], shape[1]), spec.upsampling, placement)
        cell_y = placement.input_hw[0] / (shape[0] * spec.upsampling)
        cell_x = placement.input_hw[1] / (shape[1] * spec.upsampling)
        edges = regions["edges"][start:stop] + np.array([x_min, y_min, x_min, y_min], np.float64)
        boxes[start:stop] = placement.boxes_to_image(edges * np.array([cell_x, cell_y, cell_x, cell_y]))
    return boxes


def _repeats(cut: Table) -> npt.NDArray[np.bool_]:
    """Tell which boxes (in order of map) are equal to an earlier one of their map."""
    values = np.column_stack([cut["of"], cut["box"]])
    order = np.lexsort(values.T)  # stable: of equal ones the earlier comes first
    repeats = np.zeros(len(cut), bool)
    repeats[order[1:]] = (values[order[1:]] == values[order[:-1]]).all(axis=1)
    return repeats
