"""Connected components of many masks at once are those of each mask alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from harvest.components import MaskStack


def boxes_of(mask: np.ndarray) -> list[tuple[int, ...]]:
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    found = ndimage.find_objects(labels)
    return [(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in found]


def stacked(masks: np.ndarray) -> MaskStack:
    stack = MaskStack(*masks.shape)
    stack.masks[:] = masks
    return stack


def test_there_are_none_in_nothing() -> None:
    for shape in [(0, 4, 5), (3, 4, 5), (1, 1, 1)]:
        found = MaskStack(*shape).all_components()
        assert found.mask.shape == (0,)
        assert found.boxes.shape == (0, 4)


def test_one_cell_is_one_component_also_at_the_edge() -> None:
    for row, column in [(0, 0), (0, 4), (3, 0), (3, 4)]:
        masks = np.zeros((2, 4, 5), bool)
        masks[1, row, column] = True
        found = stacked(masks).all_components()
        assert found.mask.tolist() == [1]
        assert found.boxes.tolist() == [[column, row, column + 1, row + 1]]


def test_masks_that_lie_behind_each_other_do_not_touch() -> None:
    masks = np.ones((3, 2, 2), bool)
    assert stacked(masks).all_components().boxes.tolist() == [[0, 0, 2, 2]] * 3


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 14), st.integers(1, 20), st.floats(0, 1), st.integers(0, 2**16)
)  # fmt: skip
def test_many_masks_give_what_each_alone_does(count: int, height: int, width: int, share: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    masks = random.random((count, height, width)) < share
    found = stacked(masks).all_components()
    expected = [(number, *box) for number, mask in enumerate(masks) for box in boxes_of(mask)]
    assert sorted(zip(found.mask.tolist(), *found.boxes.T.tolist(), strict=True)) == sorted(expected)
    assert (np.diff(found.mask) >= 0).all()

    masks[:, 0, 0] |= ~masks.any(axis=(1, 2))
    cells = np.array([random.permutation(np.argwhere(mask))[0] for mask in masks])
    chosen = stacked(masks).components_at(cells)
    assert chosen.mask.tolist() == list(range(count))
    for mask, cell, box in zip(masks, cells, chosen.boxes.tolist(), strict=True):
        labels, _ = ndimage.label(mask, np.ones((3, 3)))
        assert tuple(box) == boxes_of(labels == labels[tuple(cell)])[0]
