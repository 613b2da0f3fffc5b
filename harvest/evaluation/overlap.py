"""Overlap of boxes: IoU, and IoBB in the one sense used here.

Boxes are ``x_min, y_min, x_max, y_max``, half-open: the single pixel (0, 0) is (0, 0, 1, 1) and has area 1. Both ratios
are unchanged by any scaling of the axes, so the frame does not matter as long as both boxes stand in the same one.
Source: Wang et al., CVPR 2017, sec. 4.2 (IoU; IoBB over the area of the detected box).
"""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]


def box_area(boxes: Boxes) -> Boxes:
    """Return the area of boxes (..., 4); 0 for a box that is empty or turned inside out."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    area: Boxes = sides[..., 0] * sides[..., 1]
    return area


def intersection(first: Boxes, second: Boxes) -> Boxes:
    """Return the common area of boxes (..., 4), broadcast against each other."""
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    return box_area(np.concatenate([low, high], axis=-1))


def iou(first: Boxes, second: Boxes) -> Boxes:
    """Return intersection / union of boxes (..., 4), in [0, 1]; 0 where both are empty. Symmetric."""
    common = intersection(first, second)
    return _ratio(common, box_area(first) + box_area(second) - common)


def iobb(harvested: Boxes, annotated: Boxes) -> Boxes:
    """Return intersection / area of the *harvested* box, in [0, 1] and never below IoU; 0 where that box is empty."""
    return _ratio(intersection(harvested, annotated), box_area(harvested))


def _ratio(part: Boxes, whole: Boxes) -> Boxes:
    ratio: Boxes = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return ratio
