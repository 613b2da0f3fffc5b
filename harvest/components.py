"""Connected components of many masks at once.

A mask is taken apart into runs of cells along its rows; runs that touch in the next row, also by a corner, are joined.
Work per cell is a comparison with its neighbour, and the rest is per run, over all masks together.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_WORD = 8
"""Bytes that are looked at together where almost all are zero."""


@dataclass(frozen=True, slots=True)
class Components:
    """C 8-connected components.

    Attributes:
        mask: (C,) which mask each is of.
        boxes: (C, 4) column_min, row_min, column_max, row_max of each; half-open.
    """

    mask: IntArray
    boxes: IntArray


class MaskStack:
    """Masks of one size, laid out one after the other so that neither rows nor masks touch.

    Attributes:
        masks: (N, height, width), empty at first; to be filled in.
    """

    def __init__(self, count: int, height: int, width: int) -> None:
        self._pitch = -(-(width + 2) // _WORD) * _WORD  # an empty cell before each row, and one or more behind
        self._height = height + 1
        self._cells = np.zeros((count, self._height, self._pitch), bool)
        self.masks: BoolArray = self._cells[:, :height, 1 : width + 1]

    def all_components(self) -> Components:
        """Return every component, in order of mask."""
        start, stop = self._runs()
        return self._measure(start, stop, self._join(start, stop))

    def components_at(self, cells: IntArray) -> Components:
        """Return of each mask the component that holds a cell: (N, 2) row and column of one that is set."""
        start, stop = self._runs()
        label = self._join(start, stop)
        place = (np.arange(len(cells)) * self._height + cells[:, 0]) * self._pitch + cells[:, 1] + 1
        wanted = label[np.searchsorted(start, place, side="right") - 1]
        number = np.full(label.max(initial=-1) + 1, -1)
        number[wanted] = np.arange(len(wanted))
        mine = np.flatnonzero(number[label] >= 0)
        return self._measure(start[mine], stop[mine], number[label[mine]])

    def _runs(self) -> tuple[IntArray, IntArray]:
        """Return the places, in this layout, of each run's first cell and behind its last one, ascending."""
        flat = self._cells.reshape(-1)
        changes = np.empty_like(flat)
        changes[:1] = False
        np.not_equal(flat[1:], flat[:-1], out=changes[1:])
        words = changes.view(np.uint64)
        hit = np.flatnonzero(words != 0)
        cells = np.flatnonzero(words[hit].view(bool))
        edges = hit[cells // _WORD] * _WORD + cells % _WORD
        return edges[0::2], edges[1::2]

    def _join(self, start: IntArray, stop: IntArray) -> IntArray:
        """Return the component of each run, numbered from 0 in the order of their first runs."""
        first = np.searchsorted(stop, start + self._pitch, side="left")
        behind = np.searchsorted(start, stop + self._pitch, side="right")
        neighbours = behind - first
        ends = np.cumsum(neighbours)
        below = np.arange(neighbours.sum()) + np.repeat(first - (ends - neighbours), neighbours)
        graph = csr_array((np.ones(len(below), np.int8), below, np.append(0, ends)), shape=(len(start), len(start)))
        label: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
        return label

    def _measure(self, start: IntArray, stop: IntArray, label: IntArray) -> Components:
        count = label.max(initial=-1) + 1
        mask, row = np.divmod(start // self._pitch, self._height)
        edges = (start % self._pitch - 1, row, (stop - 1) % self._pitch, row + 1)
        extremes = (np.minimum, np.minimum, np.maximum, np.maximum)
        boxes, masks = np.empty((count, 4), np.int64), np.empty(count, np.int64)
        masks[label] = mask
        for side, (edge, extreme) in enumerate(zip(edges, extremes, strict=True)):
            boxes[label, side] = edge
            extreme.at(boxes[:, side], label, edge)
        return Components(masks, boxes)
