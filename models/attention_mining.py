"""Attention mining: which cells the next iteration no longer sees, and how the iterations' maps become one.

Pure functions on tensors whose last two axes are a map's rows and columns (h, w); films, findings and iterations are
leading axes and are never looped over. A keep mask M_t is True where a cell is still visible.

Source: Cai et al., MICCAI 2018, sec. 2.1 (masks), sec. 3.2 (threshold, component), eq. 7 and 8. Deviation: minimum,
maximum and component are taken over the visible cells only, because the zeros of erased cells would otherwise be the
maximum of a map that is negative elsewhere, and the erased region would be found again.
"""

from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from models.spec import Merge, MiningSpec

Connectivity = Literal[4, 8]
Normalisation = Literal["min-max", "max"]

_STEPS_PER_CHECK = 8  # asking whether the dilation has ended stops the device's queue: not after every step


def normalise_visible(maps: Tensor, keep: Tensor, mode: Normalisation) -> Tensor:
    """Scale each map to [0, 1] by the extremes of its visible cells.

    Args:
        maps: (..., h, w), any range.
        keep: (..., h, w) bool, the visible cells.
        mode: ``min-max``: (x - min) / (max - min); ``max``: x / max, negative cells 0.

    Returns:
        float32 (..., h, w) in [0, 1]; erased cells are 0; a map constant over its visible cells is 0 throughout, as
        is, under ``max``, one without a positive visible cell.
    """
    values = maps.float()
    low = values.masked_fill(~keep, torch.inf).amin((-2, -1), keepdim=True)
    high = values.masked_fill(~keep, -torch.inf).amax((-2, -1), keepdim=True)
    base = low if mode == "min-max" else torch.zeros_like(low)
    span = high - base
    smallest = torch.finfo(torch.float32).tiny
    usable = keep & (high - low > smallest) & (span > smallest)
    return torch.where(usable, (values - base) / span, 0.0).clamp(0, 1)


def normalise_map(merged: Tensor) -> Tensor:
    """Scale merged attention H_f (..., h, w) to [0, 1] per map, float32; a constant map becomes 0."""
    return normalise_visible(merged, torch.ones_like(merged, dtype=torch.bool), "min-max")


@torch.no_grad()
def erase_component(maps: Tensor, keep: Tensor, spec: MiningSpec) -> Tensor:
    """Erase, from each map, the component around its maximum: M_t from H_t and M_{t-1} (sec. 2.1, 3.2).

    The map is normalised over its visible cells and cut at ``spec.erase_threshold`` (inclusive); of what remains, the
    connected component that holds the maximum (of equal ones the first in row-major order) is erased.

    A finding is mined no further, its mask returned unchanged, where its visible cells are all equal and, under
    ``spec.stop_when_negative``, where none of them speaks for the finding: none above 0, or none above 0.5 after the
    sigmoid activation, which is the same of map plus bias. ``max`` normalisation stops at such maps in any case.

    Args:
        maps: H_t as mined, that is after ``spec.activation``, (..., h, w).
        keep: M_{t-1}, (..., h, w) bool.
        spec: the named choices of the mining.

    Returns:
        M_t, (..., h, w) bool, a subset of ``keep``; at least one cell smaller unless mining has stopped.
    """
    cut = normalise_visible(maps, keep, spec.normalisation) >= spec.erase_threshold
    visible = maps.masked_fill(~keep, -torch.inf)
    if spec.stop_when_negative:
        neutral = 0.5 if spec.activation == "sigmoid" else 0.0
        cut = cut & (visible.amax((-2, -1), keepdim=True) > neutral)
    return keep & ~_grow(_first_maximum(visible), cut, spec.connectivity)


def merge_iterations(attention: Tensor, keep: Tensor, mode: Merge, normalisation: Normalisation) -> Tensor:
    """Merge the iterations' maps into H_f (eq. 8).

    Each iteration's map is filled, where cells were erased before it, from the map they were erased from; the mean over
    iterations is taken (``max``: the cellwise maximum).

    Args:
        attention: H_1 .. H_T, (T, ..., h, w).
        keep: the mask that each iteration saw, M_0 .. M_{T-1}, (T, ..., h, w) bool.
        mode: ``raw``: maps as they are; ``normalised``: each first scaled by ``normalise_visible``; ``max``: the
            maximum of the latter.
        normalisation: how maps are scaled.

    Returns:
        H_f, float32 (..., h, w); in [0, 1] unless ``mode`` is ``raw``.
    """
    maps = attention * keep if mode == "raw" else normalise_visible(attention, keep, normalisation)
    maps = maps.float()
    if mode == "max":
        return maps.amax(0)
    erased = maps[:-1] * (keep[:-1] & ~keep[1:])
    nothing = torch.zeros_like(maps[0])
    # Map by map: the order in which Tensor.sum adds five and more depends on how many films there are.
    return (sum(maps, nothing) + sum(erased.cumsum(0), nothing)) / len(maps)


def _first_maximum(maps: Tensor) -> Tensor:
    """Mark the largest cell of each map, the first in row-major order where several are equal: bool (..., h, w)."""
    flat = maps.flatten(-2)
    marker = torch.zeros_like(flat, dtype=torch.bool).scatter_(-1, flat.argmax(-1, keepdim=True), True)
    return marker.reshape(maps.shape)


def _grow(seed: Tensor, inside: Tensor, connectivity: Connectivity) -> Tensor:
    """Return the connected components of ``inside`` (..., h, w) that hold a seed."""
    grow = grow_by_labels if inside.device.type == "cpu" else grow_by_dilation
    return grow(seed, inside, connectivity)


def grow_by_labels(seed: Tensor, inside: Tensor, connectivity: Connectivity) -> Tensor:
    """Do so by numbering all components of all maps at once: what a CPU is quicker at."""
    neighbours = np.zeros((3, 3, 3), dtype=bool)
    neighbours[1] = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    numbers, count = ndimage.label(inside.reshape(-1, *inside.shape[-2:]).numpy(), neighbours)
    wanted = np.zeros(count + 1, dtype=bool)
    wanted[numbers[seed.reshape(numbers.shape).numpy()]] = True
    wanted[0] = False
    return torch.from_numpy(wanted[numbers]).reshape(inside.shape)


def grow_by_dilation(seed: Tensor, inside: Tensor, connectivity: Connectivity) -> Tensor:
    """Do so by dilation until nothing changes: what needs no value of the device on the host but whether it has."""
    grown = seed & inside
    rows, columns = inside.shape[-2:]
    for _ in range(0, rows * columns, _STEPS_PER_CHECK):
        before = grown
        for _ in range(_STEPS_PER_CHECK):
            grown = _dilate(grown, connectivity) & inside
        if torch.equal(grown, before):
            break
    return grown


def _dilate(mask: Tensor, connectivity: Connectivity) -> Tensor:
    """Add the 4 or 8 neighbours of every marked cell."""
    tall = mask.clone()
    tall[..., 1:, :] |= mask[..., :-1, :]
    tall[..., :-1, :] |= mask[..., 1:, :]
    sideways = mask if connectivity == 4 else tall
    grown = tall.clone()
    grown[..., 1:] |= sideways[..., :-1]
    grown[..., :-1] |= sideways[..., 1:]
    return grown
