"""Figures beside the protocols: pointing game, IoU of the first and of the best box."""

from collections.abc import Sequence

import numpy as np

from harvest.evaluation.bootstrap import Samples
from harvest.evaluation.cases import FindingCase
from harvest.evaluation.records import Annotation, Peak


def pointing_hits(case: FindingCase, annotated: Sequence[Annotation], peaks: Sequence[Peak]) -> Samples:
    """Return (I,) 1 where the heatmap's maximum lies inside an annotated box of the finding, else 0.

    A film without a peak (rejected, or its map constant) counts as missed. No tolerance is added.
    """
    place = {peak.stem: peak for peak in peaks if peak.finding == case.finding}
    hit = {
        box.stem
        for box in annotated
        if box.finding == case.finding and box.stem in place and _inside(place[box.stem], box)
    }
    return np.array([float(stem in hit) for stem in case.stems])


def first_box_iou(case: FindingCase) -> Samples:
    """Return (I,) IoU of each film's first box with the annotated box it fits best; 0 without any box."""
    first = np.full(len(case.stems), -1)
    first[case.box_image[::-1]] = np.arange(len(case.box_image))[::-1]  # the earliest in list B stays
    return _largest_iou(case, np.isin(case.pairs[:, 0], first))


def best_box_iou(case: FindingCase) -> Samples:
    """Return (I,) the largest IoU of any box of the film with any annotated box; 0 without any box."""
    return _largest_iou(case, np.ones(len(case.pairs), dtype=bool))


def _largest_iou(case: FindingCase, wanted: np.ndarray) -> Samples:
    largest = np.zeros(len(case.stems))
    np.maximum.at(largest, case.box_image[case.pairs[wanted, 0]], case.overlaps["IoU"][wanted])
    return largest


def _inside(peak: Peak, box: Annotation) -> bool:
    return box.x_min <= peak.x < box.x_max and box.y_min <= peak.y < box.y_max
