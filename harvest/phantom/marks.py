"""What the findings have in common: where they may lie, how large they are, and how their extent becomes a box."""

from dataclasses import dataclass

import numpy as np

from harvest.phantom.anatomy import Chest, lung_wall
from harvest.phantom.canvas import Field, Rng, bounds, ramp
from harvest.phantom.films import PhantomBox

VISIBLE = 0.03
"""Density that a finding must add (or take) to count as seen: some times the lung's noise, about a third of a rib."""

SMALL = 50.0
"""mm; wider things may lie partly behind the heart."""


@dataclass(frozen=True)
class Extent:
    """Median width and height of a finding's box, mm, and the spread of its logarithm."""

    width: float
    height: float
    spread: float = 0.22

    def draw(self, rng: Rng, growth: float) -> tuple[float, float]:
        """Return width and height of one case."""
        common, shape = np.exp(rng.normal(0, self.spread)), np.exp(rng.normal(0, self.spread / 2))
        return float(self.width * common * shape * growth), float(self.height * common / shape * growth)


def commit(chest: Chest, finding: str, change: Field) -> None:
    """Add a finding's density to the chest and box all of it that is visible; nothing visible leaves no box."""
    found = bounds((np.abs(change) > VISIBLE) & (chest.opening > 0.5))
    if found is None:
        return
    chest.density += change
    x_min, y_min, x_max, y_max = found
    chest.boxes.append(PhantomBox(finding, x_min, y_min, x_max - x_min, y_max - y_min))


def draw_side(rng: Rng) -> int:
    """Return the patient's right (-1) or left (1)."""
    return -1 if rng.random() < 0.52 else 1


def draw_centre(
    chest: Chest, side: int, heights: tuple[float, float], size: tuple[float, float], rng: Rng
) -> tuple[float, float]:
    """Return u, v of a place in one lung such that most of a thing of this size lies inside.

    Args:
        chest: whose lung.
        side: -1 or 1.
        heights: range of the place, 0 at the lung's apex and 1 at the dome.
        size: width and height, mm.
        rng: of the finding.
    """
    top, bottom = chest.body.apex + 8, chest.body.dome(side) - 4
    room = 0.42 * min(size[1], 0.9 * (bottom - top))
    level = top + (bottom - top) * rng.uniform(*heights)
    v = float(np.clip(level, top + room, bottom - room))
    wall = float(lung_wall(chest.body, np.full(1, v, np.float32))[0])
    medial = _medial_limit(chest, side, v, size[0])
    margin = 0.42 * min(size[0], wall - medial)
    return side * float(rng.uniform(medial + margin, max(wall - margin, medial + margin + 0.1))), v


def _medial_limit(chest: Chest, side: int, v: float, width: float) -> float:
    """Return how near to the spine a thing may reach, mm: small ones stay clear of the heart, which would hide them."""
    heart = chest.body.heart_width * (0.64 if side > 0 else 0.33)
    if width < SMALL:
        return max(34.0, heart if v > -10 else 0.0)
    return 26.0 + (0.3 * heart if side > 0 and v > 20 else 0.0)


def cloud(
    chest: Chest,
    centre: tuple[float, float],
    radii: tuple[float, float],
    rng: Rng,
    rim: tuple[float, float] = (0.5, 0.12),
) -> Field:
    """Return (rows, columns) in [0, 1]: an ellipse with an uneven, soft rim.

    Args:
        chest: drawn on.
        centre: u and v, mm.
        radii: across and down, mm.
        rng: of the finding.
        rim: its width and its unevenness, shares of the radius.
    """
    soft, ragged = rim
    distance = chest.canvas.ellipse(centre, radii, float(rng.uniform(-0.5, 0.5)))
    if ragged:
        distance = distance + np.float32(ragged) * np.clip(chest.canvas.texture("mottle", rng), -2, 2)
    return ramp(1 - distance, soft)
