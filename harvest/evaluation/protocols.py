"""Acc and AFP under the protocols of the literature, which are not interchangeable.

``iam-table2``      boxes of list B are taken while (false positives / images of c) <= Wang's AFP at the same T(IoU);
                    the first box that would exceed it ends the list. Cai et al. 2018, table 2.
``iam-all-boxes``   every box of list B. Cai et al. 2018, tables 1 and 3.
``wang-all-boxes``  every isolated region at 60 and 180 of 255 is a box. Wang et al. 2017, tables 4 and 7. The
                    arithmetic is that of ``iam-all-boxes``; what differs is how the boxes are cut.

Acc(c, T) = annotated boxes of c hit by some taken box with overlap > T / annotated boxes of c. A false positive is a
taken box that hits nothing. Everything is counted in whole numbers and per image, so that a resample of patients is
scored by the same lines of code as the films themselves: an image drawn twice stands twice, next to itself, in list B.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from harvest.evaluation.cases import FindingCase, Integers, Overlap
from harvest.evaluation.published import afp_bounds

Protocol = Literal["iam-table2", "iam-all-boxes", "wang-all-boxes"]

IOU_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
IOBB_THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a figure was counted: protocol, kind of overlap and T. Its name belongs to every number."""

    protocol: Protocol
    overlap: Overlap
    threshold: float

    def bound(self, finding: str) -> Fraction | None:
        """Return the largest allowed (false positives / images of the finding); None: no bound.

        A finding or T for which nothing is published has none (the six findings without radiologists' boxes).
        """
        if self.protocol != "iam-table2":
            return None
        return afp_bounds().get((finding, self.threshold))


RULES: tuple[Rule, ...] = (
    *(Rule("iam-table2", "IoU", threshold) for threshold in IOU_THRESHOLDS),
    *(Rule("iam-all-boxes", "IoU", threshold) for threshold in IOU_THRESHOLDS),
    *(Rule("iam-all-boxes", "IoBB", threshold) for threshold in IOBB_THRESHOLDS),
)
"""Every rule that applies to the boxes of a harvest."""

WANG_RULES: tuple[Rule, ...] = (
    *(Rule("wang-all-boxes", "IoU", threshold) for threshold in IOU_THRESHOLDS),
    *(Rule("wang-all-boxes", "IoBB", threshold) for threshold in IOBB_THRESHOLDS),
)
"""Those that apply to boxes cut as Wang et al. do."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one finding under one rule, one entry per weighting of the images, each (R,)."""

    hits: Integers
    annotated: Integers
    false_positives: Integers
    taken: Integers
    images: Integers

    @property
    def accuracy(self) -> npt.NDArray[np.float64]:
        """Acc, (R,); NaN where no annotated box was drawn."""
        return divide(self.hits, self.annotated)


def tally(case: FindingCase, rule: Rule, weights: Integers) -> Tally:
    """Count hits and false positives of one finding.

    Args:
        case: the boxes.
        rule: overlap, T and bound.
        weights: (R, I) how often each image stands in each of R samples; ones for the films as they are.
    """
    false, first_hit = _match(case, rule)
    images = weights.sum(axis=1)
    false_positives = weights[:, case.box_image[false]].sum(axis=1)
    end = np.full(len(weights), len(case.box_image))
    bound = rule.bound(case.finding)
    if bound is not None:
        end = _list_end(case, false, weights, bound)
        # Of the copies of the image at which the list ends, the first ones may still fit.
        false_positives = np.minimum(false_positives, images * bound.numerator // bound.denominator)
    found = first_hit[None, :] < end[:, None]
    good = ~false[None, :] & (np.arange(len(false))[None, :] < end[:, None])
    return Tally(
        hits=(weights[:, case.annotation_image] * found).sum(axis=1),
        annotated=weights[:, case.annotation_image].sum(axis=1),
        false_positives=false_positives,
        taken=(weights[:, case.box_image] * good).sum(axis=1) + false_positives,
        images=images,
    )


def divide(part: npt.NDArray[np.generic], whole: Integers) -> npt.NDArray[np.float64]:
    """Return part / whole, NaN where whole is 0."""
    ratio: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _match(case: FindingCase, rule: Rule) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Return which boxes hit nothing (B,), and each annotated box's first hit in list B (A,); B where it has none."""
    hitting = case.pairs[case.overlaps[rule.overlap] > rule.threshold]
    false = np.ones(len(case.box_image), dtype=bool)
    false[hitting[:, 0]] = False
    first_hit = np.full(len(case.annotation_image), len(case.box_image), dtype=np.int64)
    np.minimum.at(first_hit, hitting[:, 1], hitting[:, 0])
    return false, first_hit


def _list_end(case: FindingCase, false: npt.NDArray[np.bool_], weights: Integers, bound: Fraction) -> Integers:
    """Return (R,) the place in list B of the first box that would exceed the bound; B where none does.

    Compared as whole numbers, so that a box exactly on the bound is taken whatever the rounding of a division.
    """
    where = np.flatnonzero(false)
    counted = weights[:, case.box_image[where]].cumsum(axis=1) * bound.denominator
    exceeds = counted > weights.sum(axis=1)[:, None] * bound.numerator
    exceeds = np.pad(exceeds, ((0, 0), (0, 1)), constant_values=True)
    end: Integers = np.append(where, len(false))[exceeds.argmax(axis=1)]
    return end
