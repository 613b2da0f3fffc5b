"""Stored attention: iteration maps as bytes, and the merged attention that boxes are cut from.

Every box, also in the run itself, is cut from maps that went through :func:`quantise_maps` and back, so that boxes cut
later from the lake are the same ones. Source of the merge: Cai et al. 2018, eq. 8.
"""

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
    """The T attention maps of one film and finding, and the T - 1 masks between them.

    Attributes:
        maps: (T, h, w) uint8; the map is ``offset + scale * maps``.
        scale: (T,) float32, >= 0.
        offset: (T,) float32.
        keep: (T - 1, h, w) bool; M_1 .. M_{T-1}, true where visible.
        asymmetry: of the film (``harvest.asymmetry``); None in lakes that were written before it was stored.
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
            maps=self.maps[:iterations],
            scale=self.scale[:iterations],
            offset=self.offset[:iterations],
            keep=self.keep[:masks],
        )

    @classmethod
    def from_bytes(
        cls, shape: tuple[int, int, int], maps: bytes, keep: bytes, levels: tuple[list[float], list[float]]
    ) -> "StoredMaps":
        """Rebuild from a row of the ``attention`` table.

        Args:
            shape: (T, h, w).
            maps: T * h * w bytes.
            keep: packed bits of (T - 1) * h * w cells.
            levels: the row's ``scale`` and ``offset``, each T values.
        """
        iterations, height, width = shape
        cells = (iterations - 1) * height * width
        bits = np.unpackbits(np.frombuffer(keep, np.uint8), count=cells).astype(bool)
        return cls(
            np.frombuffer(maps, np.uint8).reshape(shape),
            np.asarray(levels[0], np.float32),
            np.asarray(levels[1], np.float32),
            bits.reshape(iterations - 1, height, width),
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


def dequantise_maps(stored: StoredMaps) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return (attention, keep), both (T, h, w), as :func:`quantise_maps` took them; erased cells are 0 exactly."""
    keep = np.concatenate([np.ones((1, *stored.keep.shape[1:]), bool), stored.keep])
    attention = stored.offset[:, None, None] + stored.scale[:, None, None] * stored.maps.astype(np.float32)
    return np.where(keep, attention, np.float32(0)).astype(np.float32), keep


def merge_stored(stored: list[StoredMaps], merge: Merge, mining: MiningSpec) -> npt.NDArray[np.float32]:
    """Merge the iterations of N films or findings.

    Returns:
        (N, h, w) H_f, in the units of ``merge`` (not yet normalised).
    """
    pairs = [dequantise_maps(one) for one in stored]
    attention = torch.from_numpy(np.stack([pair[0] for pair in pairs], axis=1))
    keep = torch.from_numpy(np.stack([pair[1] for pair in pairs], axis=1))
    merged: npt.NDArray[np.float32] = merge_iterations(attention, keep, merge, mining.normalisation).numpy()
    return merged
