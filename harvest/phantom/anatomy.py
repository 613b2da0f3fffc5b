"""Soft tissue and air of the chest: what the lungs, the heart and the body wall add to the density of a film.

Density is in units of display: 0 is air outside of the body, about 1 the abdomen; adding it multiplies the X-ray
attenuation (see :mod:`harvest.phantom.exposure`).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from harvest.phantom.body import SIDES, Body
from harvest.phantom.canvas import Canvas, Field, Rng, band, ramp
from harvest.phantom.films import PhantomBox

Border = tuple[tuple[float, float], ...]

LUNG_AIR = 0.55
"""Density that a fully expanded lung takes from the chest."""


@dataclass
class Chest:
    """A chest while it is drawn; painters change it in turn.

    Attributes:
        canvas: the drawing grid.
        body: measures.
        density: (rows, columns) as described above.
        lungs: by side (-1 patient's right, 1 left): (rows, columns) in [0, 1], 1 inside of the visible lung field.
        heart: (rows, columns) in [0, 1], 1 inside of the silhouette.
        markings: (rows, columns) in [0, 1] how much of the vessels is seen; 0 where a lung has collapsed.
        opening: (rows, columns) in [0, 1]: what the collimator leaves open.
        boxes: truth, in grid cells.
    """

    canvas: Canvas
    body: Body
    density: Field
    lungs: dict[int, Field]
    heart: Field
    markings: Field
    opening: Field
    boxes: list[PhantomBox] = field(default_factory=list)

    @property
    def both_lungs(self) -> Field:
        """(rows, columns) in [0, 1]: either lung field."""
        return np.maximum(self.lungs[-1], self.lungs[1])


def lung_wall(body: Body, v: Field) -> Field:
    """Return the inner chest wall's distance from the spine at height ``v``, mm."""
    t = np.clip((v - body.apex) / (body.base - body.apex), 0, 1.15)
    rising = (1 - np.clip(1 - t, 0, 1) ** 3) ** 0.55
    return np.asarray(body.half_width * rising * (1 - 0.05 * np.clip(t - 0.75, 0, 1) / 0.25), np.float32)


def diaphragm(canvas: Canvas, body: Body, side: int) -> Field:
    """Return (rows, columns) v of the diaphragm on one side."""
    top, reach = body.dome(side), body.half_width
    outward = canvas.u * side - np.float32(0.48 * reach)
    lateral = np.clip(outward / (0.54 * reach), 0, 1.3) ** 2.6 * np.float32(body.base + 6 - top)
    medial = np.clip(-outward / (0.48 * reach), 0, 1.2) ** 2 * np.float32(14)
    return np.asarray(np.float32(top) + lateral + medial)


def draw_chest(canvas: Canvas, body: Body, opening: Field, rng: Rng) -> Chest:
    """Return a chest without bones, vessels and findings; ``opening`` as in :class:`Chest`."""
    heart = _heart(canvas, body)
    middle = np.maximum(heart, _mediastinum(canvas, body))
    lungs = {side: _lung(canvas, body, side) for side in SIDES}
    chest = Chest(canvas, body, _tissue(canvas, body, rng), lungs, heart, np.ones_like(heart), opening)
    air = chest.both_lungs * _air_depth(canvas, body)
    behind = middle * np.float32(0.80)
    chest.density -= np.float32(LUNG_AIR) * air * (1 - behind)
    chest.density += np.float32(0.07) * heart
    chest.density -= _airway(canvas)
    chest.lungs = {side: lung * (1 - middle) for side, lung in lungs.items()}
    _add_stomach(chest, rng)
    return chest


def _lung(canvas: Canvas, body: Body, side: int) -> Field:
    inside_wall = ramp(lung_wall(body, canvas.v) - canvas.side_u, 3.0)
    above = ramp(diaphragm(canvas, body, side) - canvas.v, 3.0)
    return inside_wall * above * ramp(canvas.u * side - 11, 4.0)


def _air_depth(canvas: Canvas, body: Body) -> Field:
    """How much air lies along the beam: less at the wall, at the apex and towards the spine."""
    inward = np.clip((lung_wall(body, canvas.v) - canvas.side_u) / np.float32(0.42 * body.half_width), 0, 1)
    height = np.clip((canvas.v - body.apex) / 90, 0, 1)
    return np.asarray((0.5 + 0.5 * np.sqrt(inward)) * (0.68 + 0.32 * np.sqrt(height)))


def _tissue(canvas: Canvas, body: Body, rng: Rng) -> Field:
    """Return the density of the body wall: neck, shoulders, trunk, arms, breasts."""
    trunk = np.float32(body.half_width + body.wall)
    v, side_u = canvas.v, canvas.side_u
    armpit = np.clip((-8 - v - 0.4 * np.clip(side_u - trunk, 0, 60)) / 60, 0, 1)
    width = trunk + 8 * np.clip(v / 100, -1, 1) + 150 * armpit**1.5
    thick = np.sqrt(np.clip(1 - (side_u / np.maximum(width, 1)) ** 4, 0, 1))
    shoulder_top = -body.shoulder + body.apex - 18 + 48 * np.clip((side_u - 52) / 120, 0, 2) ** 0.85
    below_shoulder = np.clip((v - shoulder_top) / 45, 0, 1) ** 0.6
    neck_width = 50 + 0.3 * np.clip(v - body.apex + 60, 0, 80)
    neck = np.sqrt(np.clip(1 - (side_u / neck_width) ** 2, 0, 1)) * np.float32(0.72)
    height = 0.70 + 0.26 * np.clip((v - body.apex) / 230, 0, 1) + np.float32(body.fat)
    density = np.maximum(height * thick * below_shoulder, neck)
    if body.arms_down:
        density = np.maximum(density, _arms(canvas, float(trunk)))
    density = density + _breasts(canvas, body)
    heel = 1 + np.float32(rng.normal(0, 0.0002)) * canvas.u + np.float32(rng.normal(0, 0.0002)) * v
    return np.asarray(density * heel * (1 + 0.018 * canvas.texture("mottle", rng)), np.float32)


def _arms(canvas: Canvas, trunk: float) -> Field:
    start = trunk + 6 + 0.08 * np.clip(canvas.v + 40, 0, 200)
    across = (canvas.side_u - start - 45) / 45
    return np.sqrt(np.clip(1 - across**2, 0, 1)) * ramp(canvas.v + 40, 60) * np.float32(0.6)


def _breasts(canvas: Canvas, body: Body) -> Field:
    if not body.breast:
        return np.zeros((canvas.rows, canvas.columns), np.float32)
    shadow = np.zeros((canvas.rows, canvas.columns), np.float32)
    for side in SIDES:
        centre = (side * 0.62 * body.half_width, 45 + 22 * body.breast)
        distance = canvas.ellipse(centre, (58 + 14 * body.breast, 56 + 18 * body.breast))
        shadow += np.sqrt(np.clip(1 - distance**2, 0, 1)) * np.float32(0.17 * body.breast)
    return shadow


def _silhouette(canvas: Canvas, borders: tuple[Border, Border], soft: float) -> Field:
    """Return the mask between two smooth borders (v, distance from the spine), right and left."""
    height = canvas.v[:, 0].astype(np.float64)
    edges = []
    for border in borders:
        v, out = np.array(border).T
        edges.append(PchipInterpolator(v, out)(np.clip(height, v[0], v[-1])).astype(np.float32)[:, None])
    return np.minimum(ramp(canvas.u + edges[0], soft), ramp(edges[1] - canvas.u, soft))


def _heart(canvas: Canvas, body: Body) -> Field:
    """Return the heart's silhouette: right atrium, pulmonary trunk, left ventricle."""
    right = 0.33 * body.heart_width
    left = body.heart_width - right
    top, low = -12 - body.heart_lift * 0.5 - 0.16 * (body.heart_width - 125), max(body.domes) + 16
    tall = low - top
    borders: tuple[Border, Border] = (
        ((top, 14), (top + 0.1 * tall, 24), (top + 0.5 * tall, right), (top + 0.8 * tall, 0.9 * right), (low, 12)),
        (
            (top, 16),
            (top + 0.12 * tall, 0.3 * left + 10),
            (top + 0.5 * tall, 0.78 * left),
            (top + 0.78 * tall, left),
            (low, 0.86 * left),
        ),
    )
    return _silhouette(canvas, borders, 4.0) * ramp(canvas.v - top, 6) * ramp(low - canvas.v, 14)


def _mediastinum(canvas: Canvas, body: Body) -> Field:
    """Return the vessels and tissue above the heart: vena cava, aortic knob, pulmonary trunk."""
    knob = 22 + 13 * body.aorta
    borders: tuple[Border, Border] = (
        ((-140, 34), (-105, 27), (-70, 23), (-20, 26), (20, 30), (60, 18)),
        ((-140, 32), (-105, 24), (-72, 21), (-48, knob), (-26, 23), (-6, 33), (14, 34), (60, 18)),
    )
    return _silhouette(canvas, borders, 4.0) * ramp(60 - canvas.v, 30)


def _airway(canvas: Canvas) -> Field:
    """Return the darkness of trachea and main bronchi."""
    trachea = band(canvas.u + 2, 7.5, 5) * ramp(-24 - canvas.v, 10)
    below = canvas.v + 28
    right = band(canvas.u + 0.55 * below, 5, 5) * band(below - 17, 17, 8)
    left = band(canvas.u - 0.9 * below, 4.5, 5) * band(below - 18, 18, 8)
    return np.asarray(np.float32(0.12) * np.maximum(trachea, np.maximum(right, left)))


def _add_stomach(chest: Chest, rng: Rng) -> None:
    """Draw the gas bubble under the left dome, when there is one."""
    if rng.random() < 0.3:
        return
    top = chest.body.dome(1) + 8
    radii = (float(rng.uniform(14, 34)), float(rng.uniform(8, 20)))
    gas = ramp((1 - chest.canvas.ellipse((float(rng.uniform(45, 75)), top + radii[1]), radii)) * radii[1], 6)
    chest.density -= gas * np.float32(rng.uniform(0.08, 0.28))
