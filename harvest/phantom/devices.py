"""What lies on or in a patient and is no finding: leads, tubes, pacemakers, buttons, wires, calcified rib ends."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from harvest.phantom.body import SIDES, Body
from harvest.phantom.canvas import Canvas, Field, Rng
from harvest.phantom.patients import Visit

FULL_INK = 0.5
"""Density of ink 255."""

Path2 = npt.NDArray[np.float64]


class Sketch:
    """A sheet over the film on which things are drawn in body millimetres; overlapping strokes do not add up."""

    def __init__(self, film: Canvas) -> None:
        self.film = film
        self.image = Image.new("L", (film.columns, film.rows))
        self.pen = ImageDraw.Draw(self.image)
        self.scale = film.pose.zoom / film.step

    def stroke(self, path: Path2, width: float, density: float) -> None:
        """Draw a line through (n, 2) points; width in mm. Lines thinner than a pixel are drawn paler."""
        pixels = width * self.scale
        points = self.film.place(path[:, 0], path[:, 1]).ravel().tolist()
        self.pen.line(points, fill=_ink(density * min(pixels, 1.0)), width=max(1, round(pixels)), joint="curve")

    def disc(self, centre: tuple[float, float], radius: float, density: float, rim: float = 0.0) -> None:
        """Draw a disc, or a ring of ``rim`` mm."""
        column, row = self.film.place(*centre).tolist()
        reach = radius * self.scale
        corners = (column - reach, row - reach, column + reach, row + reach)
        fill = None if rim else _ink(density)
        self.pen.ellipse(corners, fill=fill, outline=_ink(density), width=max(1, round(rim * self.scale)))

    def density(self) -> Field:
        """Return (rows, columns) of what was drawn."""
        return np.asarray(self.image.filter(ImageFilter.BoxBlur(0.6)), np.float32) * np.float32(FULL_INK / 255)


@dataclass(frozen=True)
class Device:
    """Something to draw, and its share of films by view."""

    draw: Callable[[Sketch, Body, Rng], None]
    pa: float
    ap: float


def draw_devices(film: Canvas, body: Body, visit: Visit, view: str) -> Field | None:
    """Return (rows, columns) of density; None when the film shows nothing of the kind.

    Which devices occur depends on the view alone, never on the findings.
    """
    rng, sketch = visit.film_rng("devices"), Sketch(film)
    used = False
    for device in DEVICES:
        if rng.random() < (device.ap if view == "AP" else device.pa):
            device.draw(sketch, body, rng)
            used = True
    if visit.age > 45 and rng.random() < 0.4:
        _draw_calcified_ends(sketch, body, visit.patient_rng("calcified"))
        used = True
    return sketch.density() if used else None


def _ink(density: float) -> int:
    return int(np.clip(round(density / FULL_INK * 255), 1, 255))


def _curve(points: list[tuple[float, float]]) -> Path2:
    """Return a smooth path (Bezier) that begins and ends at the outer points."""
    control, t = np.array(points, np.float64), np.linspace(0, 1, 24)[:, None]
    layers = [np.broadcast_to(point, (24, 2)) for point in control]
    while len(layers) > 1:
        layers = [first * (1 - t) + second * t for first, second in pairwise(layers)]
    return np.asarray(layers[0])


def _draw_leads(sketch: Sketch, body: Body, rng: Rng) -> None:
    """Electrodes on the skin, with wires to the film's edge."""
    for _ in range(int(rng.integers(2, 5))):
        side, down = float(rng.choice(SIDES)), float(rng.uniform(body.apex, body.base))
        spot = (side * float(rng.uniform(0.35, 1.05)) * body.half_width, down)
        sketch.disc(spot, 6.5, 0.07)
        sketch.disc(spot, 3.2, 0.3, rim=float(rng.choice([0.0, 1.4])))
        way = [spot, *((float(rng.normal(0, 90)), float(rng.uniform(-60, 120))) for _ in range(2))]
        sketch.stroke(_curve([*way, (side * 260, float(rng.uniform(-80, 160)))]), 1.3, 0.2)


def _draw_windpipe_tube(sketch: Sketch, body: Body, rng: Rng) -> None:
    tip = float(rng.uniform(-75, -40))
    for offset in (-4.2, 4.2):
        sketch.stroke(_curve([(offset - 4, -260.0), (offset + 3, -140.0), (offset - 2, tip)]), 1.0, 0.12)
    sketch.stroke(_curve([(0.0, -260.0), (4.0, -140.0), (-3.0, tip)]), 0.8, 0.22)


def _draw_stomach_tube(sketch: Sketch, body: Body, rng: Rng) -> None:
    end = (float(rng.uniform(35, 80)), body.dome(1) + float(rng.uniform(15, 45)))
    sketch.stroke(_curve([(3.0, -260.0), (-4.0, -60.0), (6.0, 60.0), (16.0, body.dome(1)), end]), 2.2, 0.13)


def _draw_central_line(sketch: Sketch, body: Body, rng: Rng) -> None:
    side = -1.0 if rng.random() < 0.7 else 1.0
    entry = (side * float(rng.uniform(30, 110)), body.apex - float(rng.uniform(0, 30)))
    tip = (-18.0, float(rng.uniform(-25, 20)))
    outside = (side * float(rng.uniform(60, 180)), -260.0)
    sketch.stroke(_curve([outside, entry, (side * 25, body.apex + 20), (-22.0, -60.0), tip]), 1.5, 0.2)


def _draw_pacemaker(sketch: Sketch, body: Body, rng: Rng) -> None:
    side = 1.0 if rng.random() < 0.75 else -1.0
    u, v = side * 0.68 * body.half_width, body.apex + float(rng.uniform(35, 55))
    box = sketch.film.place([u - 22, u + 22], [v - 18, v + 18]).ravel().tolist()
    sketch.pen.rounded_rectangle(box, radius=14 * sketch.scale, fill=_ink(0.42))
    tip = (float(rng.uniform(25, 50)), body.dome(1) - 14)
    sketch.stroke(_curve([(u, v - 14), (side * 50, v - 40), (-25.0, -70.0), (-30.0, 50.0), tip]), 1.6, 0.36)


def _draw_nipples(sketch: Sketch, body: Body, rng: Rng) -> None:
    """Two alike at the same height: the pair tells them from nodules."""
    out, v = float(rng.uniform(0.55, 0.75)) * body.half_width, float(rng.uniform(45, 75))
    for side in SIDES:
        sketch.disc((side * out + float(rng.normal(0, 3)), v + float(rng.normal(0, 3))), 4.5, 0.085)


def _draw_buttons(sketch: Sketch, body: Body, rng: Rng) -> None:
    out = float(rng.uniform(-20, 20))
    for number in range(int(rng.integers(2, 6))):
        spot = (out + float(rng.normal(0, 2)), body.apex + 40 + 42.0 * number)
        sketch.disc(spot, 5.2, 0.12)
        sketch.disc(spot, 1.3, 0.02)


def _draw_sternal_wires(sketch: Sketch, body: Body, rng: Rng) -> None:
    for number in range(int(rng.integers(4, 7))):
        v = -70.0 + 24 * number + float(rng.normal(0, 2))
        sketch.stroke(_curve([(-7.0, v), (-2.0, v - 7), (8.0, v), (-2.0, v + 8), (-6.0, v + 1)]), 1.1, 0.4)


def _draw_calcified_ends(sketch: Sketch, body: Body, rng: Rng) -> None:
    """Specks where the ribs meet their cartilage."""
    for side in SIDES:
        for number in range(6):
            centre = (side * body.half_width * (0.44 + 0.02 * number), body.apex + 60 + body.rib_pitch * number)
            for spot in rng.normal(centre, (4.0, 2.5), (7, 2)).tolist():
                sketch.disc((spot[0], spot[1]), float(rng.uniform(0.7, 1.8)), float(rng.uniform(0.05, 0.11)))


DEVICES = (
    Device(_draw_leads, pa=0.06, ap=0.5),
    Device(_draw_windpipe_tube, pa=0.0, ap=0.25),
    Device(_draw_stomach_tube, pa=0.0, ap=0.2),
    Device(_draw_central_line, pa=0.05, ap=0.3),
    Device(_draw_pacemaker, pa=0.05, ap=0.07),
    Device(_draw_nipples, pa=0.12, ap=0.06),
    Device(_draw_buttons, pa=0.08, ap=0.03),
    Device(_draw_sternal_wires, pa=0.06, ap=0.1),
)
"""Shares are guesses from looking at ChestX-ray14."""
