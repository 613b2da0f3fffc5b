"""Findings inside the lung: nodule, mass, pneumonia, infiltration, atelectasis.

Large ones consist of parts of different salience, each in the finding's own texture: a classifier can tell the finding
from its most salient part alone, and mining has the others to find.
"""

import math

import numpy as np

from harvest.phantom.anatomy import Chest
from harvest.phantom.canvas import Field, Rng, band, ramp
from harvest.phantom.marks import Extent, cloud, commit, draw_centre, draw_side

NODULE = Extent(25, 24, 0.2)
MASS = Extent(39, 42, 0.25)
PNEUMONIA = Extent(85, 88)
INFILTRATION = Extent(90, 97)
ATELECTASIS = Extent(68, 43, 0.28)

Pair = tuple[float, float]


def paint_nodule(chest: Chest, growth: float, rng: Rng) -> None:
    """One or two round spots, each with its own box."""
    for _ in range(2 if rng.random() < 0.12 else 1):
        side, size = draw_side(rng), NODULE.draw(rng, growth)
        centre = draw_centre(chest, side, (0.08, 0.95), size, rng)
        distance = chest.canvas.ellipse(centre, (size[0] / 2, size[1] / 2), float(rng.uniform(-1, 1)))
        distance = distance + np.float32(0.05) * chest.canvas.texture("mottle", rng)
        ball = ramp(1 - distance, 0.25) * (0.55 + 0.45 * np.sqrt(np.clip(1 - distance**2, 0, 1)))
        strength = np.float32(rng.uniform(0.18, 0.30))
        commit(chest, "Nodule", np.asarray(ball * chest.lungs[side] * strength))


def paint_mass(chest: Chest, growth: float, rng: Rng) -> None:
    """A dense lobulated core with fainter lobes and rays at its rim."""
    side, (width, height) = draw_side(rng), MASS.draw(rng, growth)
    centre = draw_centre(chest, side, (0.1, 0.9), (width, height), rng)
    core = cloud(chest, centre, (0.42 * width, 0.42 * height), rng, (0.2, 0.07))
    change = core * np.float32(rng.uniform(0.24, 0.32))
    for turn in rng.uniform(0, 2 * np.pi) + np.array([0.0, 2.2, 4.1]):
        lobe_centre = (centre[0] + 0.24 * width * np.cos(turn), centre[1] + 0.24 * height * np.sin(turn))
        lobe = cloud(chest, lobe_centre, (0.26 * width, 0.26 * height), rng, (0.3, 0.06))
        change = np.maximum(change, lobe * np.float32(rng.uniform(0.10, 0.26)))
    rays = _rays(chest, centre, (0.55 * width, 0.55 * height), rng)
    commit(chest, "Mass", np.maximum(change, rays * np.float32(0.09)) * chest.lungs[side])


def _rays(chest: Chest, centre: Pair, radii: Pair, rng: Rng) -> Field:
    """Return fine spikes that stand off a mass."""
    canvas = chest.canvas
    turn = np.arctan2(canvas.v - np.float32(centre[1]), canvas.u - np.float32(centre[0]))
    spikes = ramp(np.cos(turn * int(rng.integers(9, 15)) + rng.uniform(0, 6)) - 0.5, 0.5)
    return spikes * ramp(1 - canvas.ellipse(centre, radii), 0.3)


def paint_pneumonia(chest: Chest, growth: float, rng: Rng) -> None:
    """A dense core with air-filled bronchi, cut off at a fissure, and granular haze around it."""
    side, (width, height) = draw_side(rng), PNEUMONIA.draw(rng, growth)
    centre = draw_centre(chest, side, (0.3, 0.85), (width, height), rng)
    across, down = 0.18 * width * float(rng.choice([-1, 1])), 0.2 * height * float(rng.choice([-1, 1]))
    core = _core(chest, (centre[0] + across, centre[1] + down), (width, height), math.copysign(1, down), rng)
    core = core * (1 - 0.6 * _bronchi(chest, (centre[0] + across, centre[1] + down), side, rng))
    haze = np.maximum(
        cloud(chest, (centre[0] - 0.9 * across, centre[1] - down), (0.34 * width, 0.32 * height), rng),
        cloud(chest, (centre[0] - across, centre[1] + 0.7 * down), (0.3 * width, 0.32 * height), rng),
    )
    granular = 1 + 0.4 * np.clip(chest.canvas.texture("granular", rng), -1.5, 2)
    faint = np.maximum(haze, 0.9 * core) * np.float32(rng.uniform(0.065, 0.09)) * granular
    dense = core * np.float32(rng.uniform(0.24, 0.34))
    commit(chest, "Pneumonia", np.maximum(dense, faint) * chest.lungs[side])


def _core(chest: Chest, centre: Pair, size: Pair, outward: float, rng: Rng) -> Field:
    """Return the solid part; a fissure cuts it off straight on the side ``outward`` (-1 up, 1 down)."""
    core = cloud(chest, centre, (0.28 * size[0], 0.27 * size[1]), rng, (0.4, 0.12))
    tilt = float(rng.uniform(-0.25, 0.25))
    fissure = centre[1] + outward * 0.22 * size[1] + tilt * (chest.canvas.u - centre[0])
    return core * ramp((fissure - chest.canvas.v) * outward, 3.0)


def _bronchi(chest: Chest, centre: Pair, side: int, rng: Rng) -> Field:
    """Return the branching dark lines of air in a solid lung."""
    root = (side * 30.0, 5.0)
    aim = math.atan2(centre[1] - root[1], centre[0] - root[0])
    air = np.zeros((chest.canvas.rows, chest.canvas.columns), np.float32)
    for turn in aim + np.linspace(-0.45, 0.45, 5) + rng.normal(0, 0.06, 5):
        normal = (chest.canvas.u - root[0]) * math.sin(turn) - (chest.canvas.v - root[1]) * math.cos(turn)
        along = (chest.canvas.u - root[0]) * math.cos(turn) + (chest.canvas.v - root[1]) * math.sin(turn)
        wave = 3 * np.sin(along * np.float32(0.09) + rng.uniform(0, 6))
        air = np.maximum(air, band(normal + wave, 1.3, 2.2))
    return air


def paint_infiltration(chest: Chest, growth: float, rng: Rng) -> None:
    """Several ill-defined, net-like patches; now and then in both lungs, a box for each."""
    first = draw_side(rng)
    for side in (first, -first) if rng.random() < 0.2 else (first,):
        width, height = INFILTRATION.draw(rng, growth)
        centre = draw_centre(chest, side, (0.3, 0.85), (width, height), rng)
        net = 1 + 0.45 * np.clip(chest.canvas.texture("reticular", rng), -1.2, 2)
        change = np.zeros((chest.canvas.rows, chest.canvas.columns), np.float32)
        turns = rng.uniform(0, 2 * np.pi) + np.arange(5) * 2 * np.pi / 5 + rng.normal(0, 0.25, 5)
        strengths = np.array([0.16, 0.08, 0.12, 0.075, 0.10]) * rng.uniform(0.85, 1.15, 5)
        for turn, strength in zip(turns.tolist(), strengths.tolist(), strict=True):
            place = (centre[0] + 0.27 * width * math.cos(turn), centre[1] + 0.27 * height * math.sin(turn))
            radii = (float(rng.uniform(0.17, 0.26)) * width, float(rng.uniform(0.17, 0.26)) * height)
            change = np.maximum(change, cloud(chest, place, radii, rng, (0.8, 0.12)) * np.float32(strength))
        commit(chest, "Infiltration", change * net * chest.lungs[side])


def paint_atelectasis(chest: Chest, growth: float, rng: Rng) -> None:
    """Plates of collapsed lung, one dense and others faint, in a wedge of haze."""
    side, (width, height) = draw_side(rng), ATELECTASIS.draw(rng, growth)
    centre = draw_centre(chest, side, (0.55, 1.0), (width, height), rng)
    canvas, tilt = chest.canvas, side * float(rng.normal(0.1, 0.15))
    along = (canvas.u - np.float32(centre[0])) * side
    down = canvas.v - np.float32(centre[1]) - np.float32(tilt) * along * side
    narrowing = np.clip(0.75 + 0.5 * along / np.float32(width), 0.3, 1.1)
    haze = ramp(1 - np.hypot(along / (0.5 * width), down / (0.42 * height * narrowing)), 0.35)
    change = haze * np.float32(rng.uniform(0.065, 0.095))
    levels = rng.permutation([-0.3, 0.02, 0.33]) * height
    for level, strength in zip(levels.tolist(), (0.26, 0.16, 0.13), strict=True):
        bow = down - level - 5 * np.cos(along * np.float32(np.pi / width))
        plate = band(bow, float(rng.uniform(1.4, 2.6)), 2.5) * band(along - rng.normal(0, 4), 0.42 * width, 8)
        change = np.maximum(change, plate * np.float32(strength * rng.uniform(0.85, 1.15)))
    commit(chest, "Atelectasis", change * chest.lungs[side])
