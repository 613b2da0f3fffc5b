"""From density to the grey values of a film: attenuation, scatter, quantum noise and the display curve."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from harvest.phantom.canvas import Field, Rng
from harvest.phantom.textures import sample_texture

ATTENUATION = 3.2
"""Optical depth of density 1."""
_COARSE = 8
"""Film pixels per cell of the grid on which scatter is spread."""


def expose(density: Field, view: str, rng: Rng) -> Field:
    """Return (rows, columns) grey in [0, 1], bright is dense.

    Args:
        density: (rows, columns) at the resolution of the film.
        view: AP films (portable, no grid) have more scatter.
        rng: of the film.
    """
    light = np.exp(density * np.float32(-ATTENUATION))
    light += _scatter(light, float(rng.uniform(0.3, 0.7) if view == "AP" else rng.uniform(0.1, 0.4)))
    depth = -np.log(light)
    dose = float(rng.uniform(0.006, 0.016))
    noise = sample_texture("grain", density.shape, 1.0, rng)
    depth += noise * (np.float32(dose) / np.sqrt(light))
    return _display(depth, rng)


def _scatter(light: Field, share: float) -> Field:
    """Return light that lost its way: a wide blur of the primary beam."""
    rows, columns = light.shape
    coarse = Image.fromarray(light).resize((max(columns // 64, 4), max(rows // 64, 4)), Image.Resampling.BOX)
    wide = np.asarray(coarse.resize((columns, rows), Image.Resampling.BICUBIC), np.float32)
    return np.asarray(np.maximum(wide, 0.005) * np.float32(0.25 * share), np.float32)


def _display(depth: Field, rng: Rng) -> Field:
    """Window between the lungs' darkness and the abdomen, as a reading station presets it, then bend the curve."""
    sample = depth[::_COARSE, ::_COARSE]
    low, high = np.quantile(sample, [0.03, 0.995])
    low, span = low - rng.uniform(0.0, 0.12) * (high - low), (high - low) * rng.uniform(1.0, 1.2)
    grey = np.clip((depth - np.float32(low)) * np.float32(1 / span), 0, 1)
    return np.asarray(grey ** np.float32(rng.uniform(0.8, 1.25)), np.float32)


def quantise(grey: Field) -> npt.NDArray[np.uint8]:
    """Return the grey values 0 to 255 of a film in [0, 1]."""
    return np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
