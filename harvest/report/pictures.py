"""Pictures of the report: films as JPEG; attention and places as small PNGs that are laid over them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from harvest.geometry import Placement
from harvest.records import UInt8Image

FILM_SIDE = 900
"""Longest side of a film, pixels."""
MAP_SIDE = 224
"""Longest side of a map; the browser enlarges it smoothly."""
Float32Map = npt.NDArray[np.float32]
BoolMap = npt.NDArray[np.bool_]

LEVELS = 64
ERASED = LEVELS
"""Index in the palette; the heat takes 0 to LEVELS - 1."""
HATCH_PERIOD = 8
_HEAT = np.array([[120, 16, 96], [214, 36, 58], [250, 112, 8], [255, 184, 28], [255, 232, 92]], float)
"""Colours of the heat from low to high; RGB."""
_HEAT_OPACITY = np.array([0.0, 0.08, 0.28, 0.43, 0.52])
_ERASED_COLOUR, _ERASED_OPACITY = (235, 240, 255), 0.6


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the maps of one film lie: the film's placement, shrunk to the size at which maps are drawn."""

    placement: Placement

    @classmethod
    def of(cls, film: Placement) -> "Frame":
        """Shrink a placement, its geometry kept."""
        rows, columns = _shrunk((film.rows, film.columns), MAP_SIDE)
        aspect = film.pixel_aspect * (film.rows / rows) / (film.columns / columns)
        return cls(Placement(rows, columns, film.input_hw, film.orientation, aspect))

    def heat(self, values: Float32Map) -> UInt8Image:
        """Return a map over the network's input as palette indices over the stored image; its range is the heat's."""
        drawn = self.placement.maps_to_image(values)
        low, high = float(drawn.min()), float(drawn.max())
        if high - low < 1e-9:
            return np.zeros(drawn.shape, np.uint8)
        return ((drawn - low) / (high - low) * (LEVELS - 1)).round().astype(np.uint8)

    def step(self, values: Float32Map, keep: BoolMap) -> UInt8Image:
        """Likewise for one iteration: scaled over what was visible, the erased region hatched."""
        if not keep.any():
            return self._hatch(np.zeros(self._hw, np.uint8), np.ones(self._hw, bool))
        floor = values[keep].min()
        drawn = self.heat(np.where(keep, values, floor).astype(np.float32))
        return self._hatch(drawn, self.placement.maps_to_image(keep.astype(np.float32)) < 0.5)

    @property
    def _hw(self) -> tuple[int, int]:
        return self.placement.rows, self.placement.columns

    def _hatch(self, drawn: UInt8Image, erased: BoolMap) -> UInt8Image:
        rows, columns = np.indices(drawn.shape)
        line = (rows + columns) % HATCH_PERIOD < 2
        return np.where(erased, np.where(line, ERASED, 0), drawn).astype(np.uint8)


def write_film(path: Path, pixels: UInt8Image) -> None:
    """Write a film, made smaller, its shape kept."""
    rows, columns = _shrunk((pixels.shape[0], pixels.shape[1]), FILM_SIDE)
    film = Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR, reducing_gap=2.0)
    film.save(path, "JPEG", quality=84)


def write_overlay(path: Path, indices: UInt8Image, strength: float = 1.0) -> None:
    """Write palette indices (rows, columns) as a PNG whose low values are transparent; strength makes it less so."""
    colours, opacity = _palette(strength)
    picture = Image.fromarray(indices, "L")
    picture.putpalette(colours.tobytes())
    picture.save(path, "PNG", transparency=opacity.tobytes(), compress_level=4)


def write_places(path: Path, places: npt.NDArray[np.int64]) -> None:
    """Write where boxes lie, from none (transparent) to most."""
    share = places / max(int(places.max()), 1)
    write_overlay(path, (share * (LEVELS - 1)).round().astype(np.uint8), strength=1.8)


def _palette(strength: float) -> tuple[UInt8Image, UInt8Image]:
    """Return (LEVELS + 1, 3) colours and (LEVELS + 1,) opacities, 0 to 255."""
    at, stops = np.linspace(0, 1, LEVELS), np.linspace(0, 1, len(_HEAT))
    colours = np.stack([np.interp(at, stops, _HEAT[:, channel]) for channel in range(3)], axis=1)
    opacity = 255 * np.clip(strength * np.interp(at, stops, _HEAT_OPACITY), 0, 1)
    return (
        np.vstack([colours, _ERASED_COLOUR]).round().astype(np.uint8),
        np.append(opacity, 255 * _ERASED_OPACITY).round().astype(np.uint8),
    )


def _shrunk(hw: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(hw))
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))
