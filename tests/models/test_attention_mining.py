"""Masks and merge, against a one-map-at-a-time reference with scikit-image."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.measure import label
from torch import Tensor

from models.attention_mining import (
    erase_component,
    grow_by_dilation,
    grow_by_labels,
    merge_iterations,
    normalise_map,
    normalise_visible,
)
from models.spec import MiningSpec

SPECS = st.builds(
    MiningSpec,
    activation=st.sampled_from(["none", "sigmoid"]),
    erase_threshold=st.sampled_from([0.25, 0.5, 0.75]),
    normalisation=st.sampled_from(["min-max", "max"]),
    connectivity=st.sampled_from([4, 8]),
    stop_when_negative=st.booleans(),
)


@st.composite
def maps_and_masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Three maps of one shape, with many ties, and which of their cells are visible."""
    shape = (3, *draw(array_shapes(min_dims=2, max_dims=2, max_side=9)))
    values = st.integers(-4, 4).map(lambda value: value / 4) | st.floats(-50, 50).map(lambda value: round(value, 4))
    return draw(arrays(np.float32, shape, elements=values)), draw(arrays(np.bool_, shape))


def reference_next_mask(values: np.ndarray, keep: np.ndarray, spec: MiningSpec) -> np.ndarray:
    seen = values[keep]
    neutral = 0.5 if spec.activation == "sigmoid" else 0.0
    if not seen.size or seen.min() == seen.max() or (spec.stop_when_negative and seen.max() <= neutral):
        return keep
    if spec.normalisation == "max" and seen.max() <= 0:
        return keep
    base = seen.min() if spec.normalisation == "min-max" else np.float32(0)
    normalised = np.where(keep, (values - base) / (seen.max() - base), 0)
    components = label(normalised >= spec.erase_threshold, connectivity=1 if spec.connectivity == 4 else 2)
    peak = np.flatnonzero(keep & (values == seen.max()))[0]
    return keep & (components != components.flat[peak])


@given(maps_and_masks(), SPECS)
def test_erased_component_is_the_reference_implementations(case: Any, spec: MiningSpec) -> None:
    values, keep = case
    erased = erase_component(torch.from_numpy(values), torch.from_numpy(keep), spec).numpy()
    expected = np.stack([reference_next_mask(*pair, spec) for pair in zip(values, keep, strict=True)])
    np.testing.assert_array_equal(erased, expected)


@given(maps_and_masks(), SPECS)
def test_a_mask_loses_a_visible_cell_or_mining_has_stopped(case: Any, spec: MiningSpec) -> None:
    values, keep = (torch.from_numpy(array) for array in case)
    after = erase_component(values, keep, spec)
    assert not (after & ~keep).any()
    for one, seen, left in zip(values, keep, after, strict=True):
        neutral = 0.5 if spec.activation == "sigmoid" else 0.0
        stopped = one[seen].unique().numel() < 2 or (spec.stop_when_negative and one[seen].max() <= neutral)
        stopped = stopped or (spec.normalisation == "max" and one[seen].max() <= 0)
        assert torch.equal(left, seen) if stopped else left.sum() < seen.sum()


@given(maps_and_masks(), arrays(np.bool_, (3, 9, 9)), st.sampled_from([4, 8]))
def test_a_component_is_the_same_by_labels_and_by_dilation(case: Any, marks: Any, connectivity: Any) -> None:
    inside = torch.from_numpy(case[1])
    seed = torch.from_numpy(marks[:, : inside.shape[1], : inside.shape[2]]) & (torch.from_numpy(case[0]) > 0)
    assert torch.equal(grow_by_labels(seed, inside, connectivity), grow_by_dilation(seed, inside, connectivity))


def test_a_winding_component_is_followed_to_its_end() -> None:
    serpent = torch.zeros(31, 20)
    serpent[::2] = 1
    serpent[1::4, -1] = 1
    serpent[3::4, 0] = 1
    serpent[0, 0] = 1.5  # at one end of the way
    spec = MiningSpec(connectivity=4)
    assert torch.equal(erase_component(serpent, torch.ones_like(serpent).bool(), spec), serpent == 0)


@pytest.mark.parametrize(("connectivity", "left"), [(4, 3), (8, 2)])
def test_diagonal_cells_belong_together_under_eight_neighbours_only(connectivity: Any, left: int) -> None:
    diagonal = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    after = erase_component(diagonal, torch.ones(2, 2).bool(), MiningSpec(connectivity=connectivity))
    assert after.sum() == left


def test_erased_cells_of_a_negative_map_are_not_found_again() -> None:
    keep = torch.tensor([[[False, True, True, True]]])
    cam = torch.tensor([[[-1.0, -2.0, -5.0, -9.0]]])
    after = erase_component(cam * keep, keep, MiningSpec(stop_when_negative=False))
    assert after.tolist() == [[[False, False, False, True]]]


@pytest.mark.parametrize("mode", ["min-max", "max"])
@pytest.mark.parametrize("value", [-3.0, 0.0, 2.5])
def test_constant_maps_become_zero_and_are_not_mined(mode: Any, value: float) -> None:
    constant, everything = torch.full((2, 3, 5), value), torch.ones(2, 3, 5).bool()
    assert not normalise_visible(constant, everything, mode).any()
    assert not normalise_map(constant).any()
    spec = MiningSpec(normalisation=mode, stop_when_negative=False)
    assert torch.equal(erase_component(constant, everything, spec), everything)


@given(maps_and_masks(), st.sampled_from(["min-max", "max"]))
def test_normalised_maps_fill_the_unit_interval_and_hide_erased_cells(case: Any, mode: Any) -> None:
    values, keep = (torch.from_numpy(array) for array in case)
    normalised = normalise_visible(values, keep, mode)
    assert normalised.isfinite().all()
    assert not normalised[~keep].any()
    assert set(normalised.amax((-2, -1)).tolist()) <= {0.0, 1.0}
    assert (normalised >= 0).all()


def mined(values: Tensor, spec: MiningSpec, iterations: int = 3) -> tuple[Tensor, Tensor]:
    """Mine the same map again and again: H_t and M_{t-1}, stacked."""
    keep = [torch.ones_like(values).bool()]
    for _ in range(iterations - 1):
        keep.append(erase_component(values * keep[-1], keep[-1], spec))
    masks = torch.stack(keep)
    return values * masks, masks


@given(maps_and_masks(), SPECS)
def test_raw_merge_of_one_set_of_weights_collapses_to_the_first_map(case: Any, spec: MiningSpec) -> None:
    first = torch.from_numpy(case[0])
    attention, keep = mined(first, spec)
    torch.testing.assert_close(merge_iterations(attention, keep, "raw", "min-max"), first, rtol=1e-5, atol=1e-6)


@given(maps_and_masks(), SPECS, st.sampled_from(["normalised", "max"]))
def test_normalised_merge_lies_in_the_unit_interval(case: Any, spec: MiningSpec, mode: Any) -> None:
    attention, keep = mined(torch.from_numpy(case[0]), spec)
    merged = merge_iterations(attention, keep, mode, spec.normalisation)
    assert merged.isfinite().all()
    assert (merged >= 0).all()
    assert (merged <= 1 + 1e-6).all()


def test_merge_by_hand() -> None:
    # Cell 0 is erased after iteration 1, cell 1 after iteration 2; each is filled from the map that still had it.
    keep = torch.tensor([[[1, 1, 1]], [[0, 1, 1]], [[0, 0, 1]]]).bool()
    attention = torch.tensor([[[8.0, 2.0, 0.0]], [[0.0, 6.0, 3.0]], [[0.0, 0.0, 9.0]]])
    raw = merge_iterations(attention, keep, "raw", "min-max")
    torch.testing.assert_close(raw, torch.tensor([[(8 + 8 + 8) / 3, (2 + 6 + 6) / 3, (0 + 3 + 9) / 3]]))
    normalised = merge_iterations(attention, keep, "normalised", "min-max")  # maps 1 .25 0 | - 1 0 | - - 0 (constant)
    torch.testing.assert_close(normalised, torch.tensor([[1.0, (0.25 + 1 + 1) / 3, 0.0]]))
    assert merge_iterations(attention, keep, "max", "min-max").tolist() == [[1.0, 1.0, 0.0]]
    assert merge_iterations(attention, keep, "normalised", "max")[0, 2] == pytest.approx((0 + 0.5 + 0) / 3)
