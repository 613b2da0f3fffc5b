"""Overlap of boxes: hand-made values and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.evaluation.overlap import box_area, intersection, iobb, iou

edge = st.floats(-2000, 3000, allow_nan=False, width=32)
any_box = st.tuples(edge, edge, edge, edge).map(lambda box: np.array(box, dtype=np.float64))


def test_no_boxes_give_no_overlaps() -> None:
    empty = np.zeros((0, 4))
    assert iou(empty, empty).shape == iobb(empty, empty).shape == (0,)


def test_one_pixel_has_area_one() -> None:
    pixel = np.array([0.0, 0, 1, 1])
    assert box_area(pixel) == 1
    assert iou(pixel, pixel) == iobb(pixel, pixel) == 1


@pytest.mark.parametrize(
    ("harvested", "annotated", "expected_iou", "expected_iobb"),
    [
        ((0, 0, 4, 2), (2, 0, 6, 2), 4 / 12, 4 / 8),
        ((0, 0, 10, 10), (0, 0, 5, 2), 10 / 100, 10 / 100),  # the annotated box inside the harvested one
        ((0, 0, 5, 2), (0, 0, 10, 10), 10 / 100, 1),  # and the other way round: only IoBB tells them apart
        ((0, 0, 2, 2), (2, 0, 4, 2), 0, 0),  # touching edges share nothing
        ((3, 3, 3, 9), (0, 0, 10, 10), 0, 0),  # an empty harvested box hits nothing
        ((5, 5, 1, 1), (0, 0, 10, 10), 0, 0),  # nor does one that is inside out
    ],
)
def test_overlap_by_hand(
    harvested: tuple[float, ...], annotated: tuple[float, ...], expected_iou: float, expected_iobb: float
) -> None:
    ours, theirs = np.array(harvested, dtype=float), np.array(annotated, dtype=float)
    assert iou(ours, theirs) == pytest.approx(expected_iou)
    assert iobb(ours, theirs) == pytest.approx(expected_iobb)


def test_broadcasting_gives_every_pair() -> None:
    ours = np.array([[0.0, 0, 2, 2], [5, 5, 6, 6]])
    theirs = np.array([[0.0, 0, 2, 4], [0, 0, 1, 1], [5, 5, 6, 6]])
    np.testing.assert_allclose(iou(ours[:, None], theirs[None]), [[0.5, 0.25, 0], [0, 0, 1]])


@given(any_box, any_box)
def test_iou_is_symmetric_and_a_fraction(first: np.ndarray, second: np.ndarray) -> None:
    assert iou(first, second) == iou(second, first)
    assert 0 <= iou(first, second) <= 1 + 1e-12


@given(any_box, any_box)
def test_iobb_is_never_below_iou(harvested: np.ndarray, annotated: np.ndarray) -> None:
    assert iobb(harvested, annotated) >= iou(harvested, annotated) - 1e-12
    assert intersection(harvested, annotated) <= min(box_area(harvested), box_area(annotated))


@given(any_box, any_box, st.floats(0.1, 10), st.floats(0.1, 10))
def test_stretching_the_axes_changes_nothing(first: np.ndarray, second: np.ndarray, x: float, y: float) -> None:
    stretch = np.array([x, y, x, y])
    assert iou(first * stretch, second * stretch) == pytest.approx(iou(first, second), abs=1e-6)
