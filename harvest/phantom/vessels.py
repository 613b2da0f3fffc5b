"""Lung markings: arteries and veins that branch from the hila towards the walls."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from harvest.phantom.anatomy import Chest
from harvest.phantom.body import SIDES
from harvest.phantom.canvas import Canvas, Field, Rng, ramp

_STEMS = 11
_GENERATIONS = 5
_INK = 150
"""Grey level of the widest vessel in the drawing."""
_SOFT_MM = 0.66
"""Radius of the blur of a vessel's edge."""

Points = npt.NDArray[np.float64]


def add_hila(chest: Chest, rng: Rng) -> None:
    """Draw the roots of the lungs into the chest's density."""
    for side in SIDES:
        high = -4.0 if side > 0 else 6.0  # the left one is higher
        for _ in range(3):
            centre = (side * float(rng.uniform(32, 46)), high + float(rng.normal(0, 12)))
            radii = (float(rng.uniform(9, 14)), float(rng.uniform(13, 24)))
            cloud = np.clip(1 - chest.canvas.ellipse(centre, radii, side * 0.3), 0, 1)
            chest.density += cloud * chest.lungs[side] * np.float32(0.14)


def draw_vessels(chest: Chest, film: Canvas, rng: Rng) -> Field:
    """Return (rows, columns) of density at the film's resolution, all over the film; the caller masks it."""
    sheet = Image.new("L", (film.columns, film.rows))
    pen = ImageDraw.Draw(sheet)
    for side in SIDES:
        _draw_tree(pen, film, chest, side, rng)
    ink = np.asarray(sheet.filter(ImageFilter.BoxBlur(_SOFT_MM / film.step)), np.float32)
    return ink * np.float32(0.135 * chest.body.vessels / 255)


def _draw_tree(pen: ImageDraw.ImageDraw, film: Canvas, chest: Chest, side: int, rng: Rng) -> None:
    """Draw stems and their branches, one generation after the other; lengths in mm, angles from straight out."""
    scale = chest.body.half_width / 135
    angle = np.linspace(-1.35, 1.45, _STEMS) + rng.normal(0, 0.1, _STEMS)
    start = np.stack([side * rng.uniform(30, 44, _STEMS), rng.normal(0, 12, _STEMS) + 26 * np.sin(angle)], axis=1)
    width = rng.uniform(2.8, 5.2, _STEMS)
    length = rng.uniform(26, 36, _STEMS) * scale
    for _ in range(_GENERATIONS):
        bend = angle + rng.normal(0, 0.22, len(angle))
        middle = start + _step(side, angle, length / 2)
        end = middle + _step(side, bend, length / 2)
        _draw_segments(pen, film, (start, middle, end), width)
        fork = rng.uniform(0.18, 0.55, len(angle))
        start = np.repeat(end, 2, axis=0)
        angle = np.stack([bend - fork, bend + fork * rng.uniform(0.4, 1.0, len(angle))], axis=1).ravel()
        width = np.repeat(width, 2) * rng.uniform(0.58, 0.82, len(angle))
        length = np.repeat(length, 2) * rng.uniform(0.62, 0.9, len(angle))


def _step(side: int, angle: Points, length: Points) -> Points:
    return np.stack([side * np.cos(angle) * length, np.sin(angle) * length], axis=1)


def _draw_segments(
    pen: ImageDraw.ImageDraw, film: Canvas, points: tuple[Points, Points, Points], width: Points
) -> None:
    path = np.stack([film.place(one[:, 0], one[:, 1]) for one in points], axis=1)
    pixels = width * film.pose.zoom / film.step
    ink = np.clip(_INK * np.sqrt(width / 4.0) * np.minimum(pixels, 1.0), 8, 255)
    for row, thick, level in zip(path.reshape(len(path), -1).tolist(), pixels.tolist(), ink.tolist(), strict=True):
        pen.line(row, fill=int(level), width=max(1, round(thick)))


def mask_vessels(vessels: Field, lungs: Field, markings: Field) -> Field:
    """Return the vessels where lung is seen; faint through the heart."""
    return vessels * markings * (np.float32(0.12) + np.float32(0.88) * ramp(lungs - 0.5, 1.0))
