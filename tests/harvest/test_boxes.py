"""Cutting boxes from merged attention: the one-pixel case, geometry on non-square films, order, padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.boxes import cut_boxes, film_heatmap
from harvest.geometry import Placement
from models.spec import BoxSpec

EXACT = BoxSpec(upsampling=1)


def landscape(rows: int = 60, columns: int = 120) -> Placement:
    return Placement(rows, columns, (60, 120))


def test_one_cell_is_one_cell_wide() -> None:
    merged = np.zeros((6, 12), np.float32)
    merged[2, 7] = 1
    (box,) = cut_boxes(merged, (0.5,), EXACT, landscape())
    assert box.box == pytest.approx((70, 20, 80, 30))
    assert box.mean_attention == pytest.approx(1.0)


def test_constant_map_has_no_box() -> None:
    assert cut_boxes(np.full((6, 12), 3.0, np.float32), (0.5,), EXACT, landscape()) == []


def test_only_the_component_with_the_maximum_is_boxed() -> None:
    merged = np.zeros((6, 12), np.float32)
    merged[1, 1:3] = 0.9
    merged[4, 8:11] = 1.0
    (box,) = cut_boxes(merged, (0.5,), EXACT, landscape())
    assert box.box == pytest.approx((80, 40, 110, 50))
    every = cut_boxes(merged, (0.5,), BoxSpec(upsampling=1, components="all"), landscape())
    assert [one.box for one in every] == [pytest.approx((80, 40, 110, 50)), pytest.approx((10, 10, 30, 20))]


def test_boxes_are_ranked_and_equal_ones_appear_once() -> None:
    merged = np.zeros((6, 12), np.float32)
    merged[1:5, 2:9] = 0.4
    merged[2:4, 4:7] = 0.8
    merged[2, 5] = 1.0
    cut = cut_boxes(merged, (0.3, 0.6, 0.7), EXACT, landscape())
    assert [one.threshold for one in cut] == [0.6, 0.3], "0.6 and 0.7 cut the same box"
    assert cut[0].mean_attention > cut[1].mean_attention
    widest_first = cut_boxes(merged, (0.3, 0.6), BoxSpec(upsampling=1, rank_by="threshold_ascending"), landscape())
    assert [one.threshold for one in widest_first] == [0.3, 0.6]


def test_padding_of_a_portrait_film_is_never_boxed() -> None:
    placement = Placement(120, 60, (128, 128))
    merged = np.zeros((8, 8), np.float32)
    merged[4, 0] = 5.0  # lies in the padding, left of the film
    merged[5, 4] = 1.0
    (box,) = cut_boxes(merged, (0.5,), EXACT, placement)
    x_min, y_min, x_max, y_max = box.box
    assert 0 <= x_min < x_max <= 60
    assert 60 < y_min < y_max <= 120


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(40, 200),
    columns=st.integers(40, 200),
    seed=st.integers(0, 2**16),
    upsampling=st.sampled_from([1, 4]),
)
def test_boxes_lie_in_the_film_and_hold_the_peak(rows: int, columns: int, seed: int, upsampling: int) -> None:
    placement = Placement(rows, columns, (96, 160))
    merged = np.random.default_rng(seed).random((6, 10)).astype(np.float32)
    spec = BoxSpec(upsampling=upsampling, smoothing=0.5)
    boxes = cut_boxes(merged, (0.4, 0.6, 0.8), spec, placement)
    assert boxes
    heatmap, _ = film_heatmap(merged, spec, placement)
    assert heatmap.min() == 0
    assert heatmap.max() == 1
    widest = min(boxes, key=lambda one: one.threshold).box
    for one in boxes:
        x_min, y_min, x_max, y_max = one.box
        assert 0 <= x_min < x_max <= columns
        assert 0 <= y_min < y_max <= rows
        assert 0 <= one.mean_attention <= 1
        assert widest[0] <= x_min
        assert widest[3] >= y_max
