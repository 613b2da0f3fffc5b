"""Findings of heart and pleura: cardiomegaly, effusion, pneumothorax."""

from dataclasses import replace

import numpy as np

from harvest.phantom.anatomy import LUNG_AIR, Chest, lung_wall
from harvest.phantom.body import Body
from harvest.phantom.canvas import Rng, band, bounds, ramp
from harvest.phantom.films import PhantomBox
from harvest.phantom.marks import Extent, commit, draw_side

EFFUSION = Extent(86, 104, 0.25)
PNEUMOTHORAX = Extent(66, 72, 0.25)
HEART_SHARES = (0.60, 0.74)
"""Width of an enlarged heart as a share of the chest's."""


def enlarge_heart(body: Body, growth: float, rng: Rng) -> Body:
    """Return the body with a heart that is too wide at both borders."""
    share = float(np.clip(rng.uniform(*HEART_SHARES) * growth**0.3, HEART_SHARES[0] - 0.01, HEART_SHARES[1]))
    return replace(body, heart_width=2 * body.half_width * share)


def box_heart(chest: Chest) -> None:
    """Box the silhouette of an enlarged heart down to the diaphragm."""
    above = chest.canvas.v < max(chest.body.domes) + 6
    found = bounds((chest.heart > 0.5) & above & (chest.opening > 0.5))
    if found:
        x_min, y_min, x_max, y_max = found
        chest.boxes.append(PhantomBox("Cardiomegaly", x_min, y_min, x_max - x_min, y_max - y_min))


def paint_effusion(chest: Chest, growth: float, rng: Rng) -> None:
    """Fluid: a white corner with a rising rim at the wall, below a paler veil; sometimes on both sides."""
    first = draw_side(rng)
    for side in (first, -first) if rng.random() < 0.25 else (first,):
        width, height = EFFUSION.draw(rng, growth)
        canvas, body = chest.canvas, chest.body
        height = min(height, 0.75 * (body.base - body.apex))
        inward = np.maximum(lung_wall(body, canvas.v) - canvas.u * side, 0)
        share = np.clip(inward / np.float32(width), 0, 1.6)
        rise = np.exp(-5 * share)
        level = np.float32(rng.uniform(0.36, 0.5)) * np.clip(1.35 - 0.5 * share, 0, 1)
        fluid = ramp(canvas.v - body.base + height * (level + (0.84 - level) * rise), 8)
        veil = ramp(canvas.v - body.base + height * (0.9 + 0.1 * rise), 10) * ramp(1.0 - share, 0.15)
        paler = np.float32(rng.uniform(0.065, 0.095)) * (1 - fluid)
        change = fluid * ramp(1.02 - share, 0.2) * np.float32(LUNG_AIR * rng.uniform(0.55, 0.75)) + paler * veil
        commit(chest, "Effusion", change * chest.lungs[side])


def paint_pneumothorax(chest: Chest, growth: float, rng: Rng) -> None:
    """Air round the lung: a black cap without vessels under a fine pleural line, and a thin strip down the wall."""
    side, (width, height) = draw_side(rng), PNEUMOTHORAX.draw(rng, growth)
    canvas, body = chest.canvas, chest.body
    depth = (canvas.v - np.float32(body.apex)) / np.float32(height)
    gap = np.float32(0.36 * width) * np.clip(1 - depth, 0, 1) ** 0.6
    cap = float(rng.uniform(0.25, 0.45)) * height
    shrunken = lung_wall(replace(body, apex=body.apex + cap), canvas.v) - gap
    outside = canvas.u * side - shrunken
    air = ramp(outside, 2.0) * ramp(1 - depth, 0.04) * chest.lungs[side]
    line = band(outside, 0.9, 1.4) * ramp(1 - depth, 0.1) * (canvas.v > body.apex + cap * 0.8) * chest.lungs[side]
    strength = np.float32(rng.uniform(0.16, 0.24)) * (1 - 0.45 * depth)
    chest.markings *= 1 - air
    commit(chest, "Pneumothorax", np.float32(0.16) * line - air * (1 - line) * strength)
