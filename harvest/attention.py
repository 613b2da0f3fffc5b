"""Stored attention: iteration maps as bytes, and the merged attention that boxes are cut from.

Every box, also in the run itself, is cut from maps that went through :func:`quantise_maps` and back, so that boxes cut
later from the lake are the same ones. Source of the merge: Cai et al. 2018, eq. 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from models.attention_mining import merge_iterations
from models.spec import Merge, MiningSpec

LEVELS = 255
"""Steps of the stored map: the error of a cell is at most half a step, 1/510 of the map's range."""


@dataclass(frozen=True, slots=True)
class StoredMaps:
    """The T attention maps of one film and finding, and the T - 1 masks between them; or, with an axis before, of many.

    Attributes:
        maps: (..., T, h, w) uint8; the map is ``offset + scale * maps``.
        scale: (..., T) float32, >= 0.
        offset: (..., T) float32.
        keep: (..., T - 1, h, w) bool; M_1 .. M_{T-1}, true where visible.
        asymmetry: (..., rows, columns) of the film (``harvest.asymmetry``); None in lakes that were written before it
            was stored.
    """

    maps: npt.NDArray[np.uint8]
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    keep: npt.NDArray[np.bool_]
    asymmetry: npt.NDArray[np.int8] | None = None

    def with_asymmetry(self, asymmetry: npt.NDArray[np.int8]) -> "StoredMaps":
        """Return the same maps with the asymmetry of their film."""
        return replace(self, asymmetry=asymmetry)

    def keep_bytes(self) -> bytes:
        """Return the masks as packed bits, row-major, for the ``keep`` column."""
        return np.packbits(self.keep).tobytes()

    def first(self, iterations: int | None) -> "StoredMaps":
        """Return the maps and masks of the first iterations only; None: all."""
        masks = None if iterations is None else iterations - 1
        return replace(
            self,
            maps=self.maps[..., :iterations, :, :],
            scale=self.scale[..., :iterations],
            offset=self.offset[..., :iterations],
            keep=self.keep[..., :masks, :, :],
        )

    @classmethod
    def from_bytes(
        cls,
        shape: tuple[int, int, int],
        maps: npt.NDArray[np.uint8],
        keep: npt.NDArray[np.uint8],
        levels: tuple[npt.ArrayLike, npt.ArrayLike],
    ) -> "StoredMaps":
        """Rebuild from a row of the ``attention`` table, or from many rows of one shape.

        Args:
            shape: (T, h, w).
            maps: (..., T * h * w) bytes.
            keep: (..., n) bytes, packed bits of (T - 1) * h * w cells.
            levels: the row's ``scale`` and ``offset``, each (..., T).
        """
        iterations, height, width = shape
        cells = (iterations - 1) * height * width
        bits = np.unpackbits(keep, axis=-1, count=cells).astype(bool)
        return cls(
            maps.reshape(*maps.shape[:-1], *shape),
            np.asarray(levels[0], np.float32),
            np.asarray(levels[1], np.float32),
            bits.reshape(*keep.shape[:-1], iterations - 1, height, width),
        )


def quantise_maps(attention: npt.NDArray[np.float32], keep: npt.NDArray[np.bool_]) -> StoredMaps:
    """Turn the maps of one film and finding into bytes.

    Args:
        attention: (T, h, w) H_1 .. H_T, erased cells 0.
        keep: (T, h, w) M_0 .. M_{T-1}, the mask that each iteration saw.
    """
    low = attention.min(axis=(1, 2))
    scale = ((attention.max(axis=(1, 2)) - low) / np.float32(LEVELS)).astype(np.float32)
    step = np.where(scale > 0, scale, np.float32(1))[:, None, None]
    levels = np.rint((attention - low[:, None, None]) / step).clip(0, LEVELS).astype(np.uint8)
    return StoredMaps(levels, scale, low, keep[1:])


def stack_maps(stored: Sequence[StoredMaps]) -> StoredMaps:
    """Return maps of equal shape as one, with an axis before the others; without asymmetry where one has none."""
    asymmetry = [one.asymmetry for one in stored if one.asymmetry is not None]
    return StoredMaps(
        np.stack([one.maps for one in stored]),
        np.stack([one.scale for one in stored]),
        np.stack([one.offset for one in stored]),
        np.stack([one.keep for one in stored]),
        np.stack(asymmetry) if len(asymmetry) == len(stored) else None,
    )


def dequantise_maps(stored: StoredMaps) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return (attention, keep), both (..., T, h, w), as :func:`quantise_maps` took them; erased cells are 0 exactly."""
    seen_first = np.ones((*stored.keep.shape[:-3], 1, *stored.keep.shape[-2:]), bool)
    keep = np.concatenate([seen_first, stored.keep], axis=-3)
    attention = stored.offset[..., None, None] + stored.scale[..., None, None] * stored.maps.astype(np.float32)
    return np.where(keep, attention, np.float32(0)).astype(np.float32), keep


def merge_stored(stored: StoredMaps, merge: Merge, mining: MiningSpec) -> npt.NDArray[np.float32]:
    """Merge the iterations of N films or findings, stacked.

    Returns:
        (N, h, w) H_f, in the units of ``merge`` (not yet normalised).
    """
    attention, keep = (torch.from_numpy(maps).movedim(1, 0).contiguous() for maps in dequantise_maps(stored))
    merged: npt.NDArray[np.float32] = merge_iterations(attention, keep, merge, mining.normalisation).numpy()
    return merged
