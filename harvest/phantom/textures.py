"""Noise with the grain of tissue, made once per process and sampled anywhere.

Each tile repeats seamlessly; a sample is a window of it at a random place, possibly mirrored.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

TILE = 512
"""Cells of a tile's side."""
_SCALES_MM = {"mottle": (6.0, 70.0), "granular": (3.5, 8.0), "reticular": (7.0, 14.0), "streak": (6.0, 40.0)}
"""Shortest and longest wavelength of each kind, mm."""
_STEPS_PER_OCTAVE = 4


def sample_texture(kind: str, size: tuple[int, int], step: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return (rows, columns) of a texture with mean 0 and standard deviation 1.

    Args:
        kind: ``mottle`` (cloudy), ``granular`` (fine, even), ``reticular`` (a net of lines), ``grain`` (of a detector).
        size: rows and columns.
        step: mm per cell; rounded to a quarter octave, so that few tiles are made.
        rng: chooses the place.
    """
    octave = round(np.log2(step) * _STEPS_PER_OCTAVE)
    tile = _tile(kind, 0 if kind == "grain" else octave)
    start, flip = rng.integers(0, TILE, 2), rng.integers(0, 2, 2) * 2 - 1
    row = (start[0] + flip[0] * np.arange(size[0])) % TILE
    column = (start[1] + flip[1] * np.arange(size[1])) % TILE
    return np.asarray(tile[row].take(column, axis=1))  # one axis after the other: faster than both at once


@cache
def _tile(kind: str, octave: int) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng([octave % 1000, sum(kind.encode())]).standard_normal((TILE, TILE))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    weight = _grain(frequency) if kind == "grain" else _cloud(kind, frequency / 2 ** (octave / _STEPS_PER_OCTAVE))
    field = np.fft.irfft2(np.fft.rfft2(noise) * weight, s=(TILE, TILE))
    if kind == "reticular":
        field = np.exp(-((field / (0.4 * field.std())) ** 2))  # bright along the zero crossings
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _grain(frequency: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quantum noise, slightly smoothed by the detector."""
    return np.exp(-((frequency / 0.45) ** 2))


def _cloud(kind: str, per_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Amplitudes that fall with frequency inside the band of the kind."""
    short, long = _SCALES_MM[kind]
    inside = (per_mm > 1 / long) & (per_mm < 1 / short)
    return np.where(inside, np.maximum(per_mm, 1 / long) ** -1.3, 0.0)
