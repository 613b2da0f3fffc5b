"""From stored values to grey: modality, VOI, one inversion (DICOM PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

Order: modality LUT or rescale, VOI LUT or first window, 8 bits, then one inversion where low values mean white. Each
step depends on a pixel's value only, so the steps run on the table of all values that occur and the image is looked up.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid

from harvest.decode.dataset import DicomObject
from harvest.decode.layout import PixelLayout
from harvest.decode.lookup import LookupTable, Window, read_lookup_table, read_rescale, read_window
from harvest.decode.tags import Tags
from harvest.errors import Reason, RejectedError, Stage
from harvest.records import FloatArray, UInt8Image

Counts = npt.NDArray[np.int64]
PERCENTILES = (0.5, 99.5)
LEAST_DISPLAY_RANGE = 128
"""Levels of 8 bits; a film without VOI that spans as many was windowed before it was stored, and stays as it is."""
MAX_SAMPLES = 1_000_000
"""Pixels from which the histogram is taken (every n-th row and column of a larger image)."""


@dataclass(frozen=True)
class GreyRules:
    """What a header says of the way from stored values to grey.

    Attributes:
        slope, intercept: of the rescale; unused when there is a modality table.
        inverted: whether low values mean white.
        padding: lowest and highest stored value of pixels that are no image.
        area: rows and columns inside the collimator.
        display_values: whether the values may be grey levels as they are (8 bits, unsigned, no rescale).
        flags: what is contradictory or unusable in the header.
    """

    modality: LookupTable | None = None
    slope: float = 1.0
    intercept: float = 0.0
    voi_table: LookupTable | None = None
    window: Window | None = None
    inverted: bool = False
    padding: tuple[int, int] | None = None
    area: tuple[slice, slice] = (slice(None), slice(None))
    display_values: bool = False
    flags: tuple[str, ...] = ()

    def reduced(self, factor: int) -> "GreyRules":
        """Return the rules of an image that is so many times smaller."""
        if factor == 1:
            return self
        rows, columns = (slice(_divided(one.start, factor), _divided(one.stop, factor)) for one in self.area)
        return replace(self, area=(rows, columns))


def read_grey_rules(source: DicomObject, layout: PixelLayout) -> GreyRules:
    """Read the rules of an object; what is unusable is left out."""
    tags, little_endian = source.tags, source.transfer_syntax != uid.ExplicitVRBigEndian
    modality = read_lookup_table(tags, "ModalityLUTSequence", little_endian=little_endian)
    slope, intercept = read_rescale(tags)
    inverted, flags = _read_inversion(tags, layout.photometric_interpretation)
    return GreyRules(
        modality=modality,
        slope=slope,
        intercept=intercept,
        voi_table=read_lookup_table(tags, "VOILUTSequence", little_endian=little_endian),
        window=read_window(tags),
        inverted=inverted,
        padding=_read_padding(tags, signed=layout.signed),
        area=_read_area(tags),
        display_values=layout.bits_stored == 8 and not layout.signed and not modality and (slope, intercept) == (1, 0),
        flags=flags,
    )


def to_grey(stored: npt.NDArray[np.integer[Any]], rules: GreyRules) -> tuple[UInt8Image, dict[str, Any]]:
    """Return (rows, columns) uint8, bright is dense, and the recipe.

    Args:
        stored: (rows, columns) stored values of at most 16 bits.
        rules: of the object.

    Raises:
        RejectedError: all pixels are equal.
    """
    low, high = int(stored.min()), int(stored.max())
    values = np.arange(low, high + 1)
    padded = _padded(values, rules.padding)
    counts = _count(stored, low, len(values), rules.area)
    counts = np.where(padded, 0, counts)
    if np.count_nonzero(counts) < 2:
        raise RejectedError(Reason.CONSTANT_IMAGE, Stage.DECODE, "All pixels of the image are equal.")
    physical = _to_physical(values.astype(np.float64), rules)
    grey, recipe = _to_displayed(physical, counts, rules)
    levels = np.rint(grey * 255).astype(np.uint8)
    levels = 255 - levels if rules.inverted else levels
    levels[padded] = 0
    return _look_up(stored, values, levels), recipe


def percentile_window(values: FloatArray, counts: Counts) -> Window:
    """Return the window between robust percentiles; pixels at either end of the range (cut off there) are left out."""
    inner = counts.copy()
    occurring = np.flatnonzero(counts)
    inner[[occurring[0], occurring[-1]]] = 0
    used = inner if inner.sum() >= 0.2 * counts.sum() else counts
    share = np.cumsum(used) / used.sum()
    low, high = (float(values[np.searchsorted(share, one / 100)]) for one in PERCENTILES)
    low, high = min(low, high), max(low, high)
    return Window((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")


def _to_physical(values: FloatArray, rules: GreyRules) -> FloatArray:
    return rules.modality.apply(values) if rules.modality else values * rules.slope + rules.intercept


def _to_displayed(physical: FloatArray, counts: Counts, rules: GreyRules) -> tuple[FloatArray, dict[str, Any]]:
    """Apply the VOI; where it leaves next to nothing of the image (a window given in another space), percentiles."""
    recipe: dict[str, Any] = {"modality": "lut" if rules.modality else "rescale"}
    flags = list(rules.flags)
    if rules.voi_table is not None:
        grey = rules.voi_table.apply_as_grey(physical)
        if _is_usable(grey, counts):
            return grey, recipe | {"voi": "lut", "flags": flags}
        flags.append("voi_lut_unusable")
    if rules.window is not None:
        grey = rules.window.apply(physical)
        if _is_usable(grey, counts):
            return grey, recipe | {"voi": rules.window.function.lower(), "flags": flags} | _described(rules.window)
        flags.append("window_unusable")
    window = percentile_window(physical, counts)
    if rules.display_values and window.width >= LEAST_DISPLAY_RANGE:
        return physical / 255, recipe | {"voi": "none", "flags": flags}
    return window.apply(physical), recipe | {"voi": "percentiles", "flags": flags} | _described(window)


def _described(window: Window) -> dict[str, float]:
    return {"window_center": round(window.center, 4), "window_width": round(window.width, 4)}


def _is_usable(grey: FloatArray, counts: Counts) -> bool:
    total = counts.sum()
    graded = counts[(grey > 0.02) & (grey < 0.98)].sum()
    mean = float(grey @ counts / total)
    spread = float(np.sqrt(((grey - mean) ** 2) @ counts / total))
    return bool(graded >= 0.05 * total and spread >= 0.02)


def _read_inversion(tags: Tags, photometric_interpretation: str) -> tuple[bool, tuple[str, ...]]:
    """Low values mean white where either tag says so; both together are the normal case, not a double inversion."""
    monochrome1 = photometric_interpretation == "MONOCHROME1"
    shape = (tags.text("PresentationLUTShape") or "").upper()
    contradicts = (shape == "INVERSE" and not monochrome1) or (shape == "IDENTITY" and monochrome1)
    return monochrome1 or shape == "INVERSE", ("polarity_contradiction",) if contradicts else ()


def _read_padding(tags: Tags, *, signed: bool) -> tuple[int, int] | None:
    given = [tags.integer(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if given[0] is None:
        return None
    # A negative value written as unsigned (US for SS) is met often.
    values = [one - 0x1_0000 if signed and one > 0x7FFF else one for one in given if one is not None]
    return min(values), max(values)


def _read_area(tags: Tags) -> tuple[slice, slice]:
    """Return rows and columns inside a rectangular collimator (edges count from 1); everything where none is usable."""
    edges = [
        tags.integer(f"Collimator{name}Edge")
        for name in ("UpperHorizontal", "LowerHorizontal", "LeftVertical", "RightVertical")
    ]
    if "RECTANGULAR" not in tags.texts("CollimatorShape") or None in edges:
        return slice(None), slice(None)
    top, bottom, left, right = (max(edge or 0, 0) for edge in edges)
    return slice(top, max(bottom - 1, 0)), slice(left, max(right - 1, 0))


def _divided(edge: int | None, factor: int) -> int | None:
    return None if edge is None else round(edge / factor)


def _padded(values: npt.NDArray[np.int64], padding: tuple[int, int] | None) -> npt.NDArray[np.bool_]:
    if padding is None:
        return np.zeros(len(values), dtype=bool)
    return (values >= padding[0]) & (values <= padding[1])


def _count(stored: npt.NDArray[np.integer[Any]], low: int, size: int, area: tuple[slice, slice]) -> Counts:
    """Count each value inside the area; in the whole image where the area is empty or next to nothing."""
    inside = stored[area]
    inside = inside if inside.size >= 0.1 * stored.size else stored
    step = max(1, int(np.ceil((inside.size / MAX_SAMPLES) ** 0.5)))
    sample = inside[::step, ::step].astype(np.int64) - low
    return np.bincount(sample.ravel(), minlength=size)


def _look_up(
    stored: npt.NDArray[np.integer[Any]], values: npt.NDArray[np.int64], levels: npt.NDArray[np.uint8]
) -> UInt8Image:
    """Return the level of each pixel; negative values are found through their unsigned bits."""
    bits = 8 * stored.dtype.itemsize
    table = np.zeros(2**bits, dtype=np.uint8)
    table[values & (2**bits - 1)] = levels
    pixels: UInt8Image = table[stored.view(f"u{stored.dtype.itemsize}")]
    return pixels
