"""Pointwise grey transformations: rescale, lookup tables, windows (DICOM PS3.3 C.11.1, C.11.2).

All act on an array of values, not on pixels: an image of 16 bits has at most 65,536 of them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harvest.decode.tags import Tags
from harvest.records import FloatArray

MAX_ENTRIES = 65_536


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A lookup table of PS3.3 C.11.1.1.

    Attributes:
        first: input value of the first entry.
        bits: of an entry, as the descriptor says.
        entries: (n,) float64.
    """

    first: int
    bits: int
    entries: FloatArray

    def apply(self, values: FloatArray) -> FloatArray:
        """Return the entries of values; values outside the table take its first or last entry."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        found: FloatArray = self.entries[index.astype(np.intp)]
        return found

    def apply_as_grey(self, values: FloatArray) -> FloatArray:
        """Return the entries in [0, 1] of their range; the table's own maximum counts where the descriptor is wrong."""
        full, highest = float(2**self.bits - 1), float(self.entries.max())
        return self.apply(values) / (full if full / 2 <= highest <= full else max(highest, 1.0))


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window; ``function`` is LINEAR, LINEAR_EXACT or SIGMOID."""

    center: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: FloatArray) -> FloatArray:
        """Return grey in [0, 1] (PS3.3 C.11.2.1.2.1, C.11.2.1.3)."""
        if self.function == "SIGMOID":
            exponent = np.clip(-4 * (values - self.center) / self.width, -500, 500)
            grey: FloatArray = 1 / (1 + np.exp(exponent))
            return grey
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


def read_lookup_table(tags: Tags, sequence: str, *, little_endian: bool) -> LookupTable | None:
    """Return the first usable item of ``ModalityLUTSequence`` or ``VOILUTSequence``; None when there is none."""
    for item in tags.items(sequence):
        descriptor = item.numbers("LUTDescriptor")
        entries = _read_entries(item.value("LUTData"), descriptor, little_endian=little_endian)
        if entries is not None:
            return LookupTable(int(descriptor[1]), int(descriptor[2]), entries)
    return None


def read_window(tags: Tags) -> Window | None:
    """Return the first window; None when missing or impossible (LINEAR needs a width of 1, the others above 0)."""
    center, width = tags.number("WindowCenter"), tags.number("WindowWidth")
    function = (tags.text("VOILUTFunction") or "LINEAR").upper()
    function = function if function in {"LINEAR_EXACT", "SIGMOID"} else "LINEAR"
    if center is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    return Window(center, width, function)


def read_rescale(tags: Tags) -> tuple[float, float]:
    """Return slope and intercept; a slope of zero or without a number counts as 1."""
    return tags.number("RescaleSlope") or 1.0, tags.number("RescaleIntercept") or 0.0


def _read_entries(data: object, descriptor: tuple[float, ...], *, little_endian: bool) -> FloatArray | None:
    if len(descriptor) != 3 or not 1 <= descriptor[2] <= 16:
        return None
    count = int(descriptor[0]) or MAX_ENTRIES
    entries = _as_array(data, count, little_endian=little_endian)
    return entries[:count].astype(np.float64) if 0 < count <= len(entries) else None


def _as_array(data: object, count: int, *, little_endian: bool) -> npt.NDArray[np.unsignedinteger]:
    if isinstance(data, bytes):
        if len(data) < 2 * count:  # entries of 8 bits, packed
            return np.frombuffer(data, np.uint8)
        return np.frombuffer(data, "<u2" if little_endian else ">u2", count)
    values = np.atleast_1d(np.array(data if data is not None else [], dtype=np.int64))
    return (values & 0xFFFF).astype(np.uint16)
