"""One phantom film from its seed and number."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from harvest.errors import SettingsError
from harvest.phantom.anatomy import Chest, draw_chest
from harvest.phantom.annotate import burn_in, draw_opening
from harvest.phantom.body import draw_body
from harvest.phantom.bones import add_bones
from harvest.phantom.canvas import Canvas, Field, Pose
from harvest.phantom.devices import draw_devices
from harvest.phantom.exposure import expose, quantise
from harvest.phantom.films import PhantomBox, PhantomFilm
from harvest.phantom.opacities import (
    paint_atelectasis,
    paint_infiltration,
    paint_mass,
    paint_nodule,
    paint_pneumonia,
)
from harvest.phantom.patients import Rng, Visit, find_visit
from harvest.phantom.pleura import box_heart, enlarge_heart, paint_effusion, paint_pneumothorax
from harvest.phantom.vessels import add_hila, draw_vessels, mask_vessels

LONG_SIDES = (256, 2048)
DEFAULT_LONG_SIDE = 512
SHRINK = 2
"""Film pixels per cell of the drawing grid, on which everything smooth is drawn."""


@dataclass(frozen=True)
class FilmFormat:
    """A detector: original columns, rows and mm per pixel, and how often it is met."""

    columns: int
    rows: int
    spacing: float
    share: float


FORMATS = (
    FilmFormat(2500, 2048, 0.168, 0.30),
    FilmFormat(2992, 2991, 0.143, 0.20),
    FilmFormat(3056, 2544, 0.139, 0.14),
    FilmFormat(2048, 2500, 0.171, 0.17),
    FilmFormat(2021, 2021, 0.194, 0.08),
    FilmFormat(2544, 3056, 0.139, 0.11),
)
"""Sizes and spacings of ChestX-ray14's originals."""
PAINTERS = {
    "Infiltration": paint_infiltration,
    "Pneumonia": paint_pneumonia,
    "Atelectasis": paint_atelectasis,
    "Mass": paint_mass,
    "Nodule": paint_nodule,
    "Effusion": paint_effusion,
    "Pneumothorax": paint_pneumothorax,
}
"""In the order in which they are drawn; cardiomegaly is part of the body."""


def render_film(seed: int, index: int, long_side: int = DEFAULT_LONG_SIDE) -> PhantomFilm:
    """Return film ``index`` (from 0) of the endless sequence that belongs to ``seed``; no other film is needed for it.

    Args:
        seed: of the sequence, 0 or more.
        index: 0 or more.
        long_side: pixels, 256 to 2048.

    Raises:
        SettingsError: an argument is out of range.
    """
    if not LONG_SIDES[0] <= long_side <= LONG_SIDES[1] or min(seed, index) < 0:
        raise SettingsError("Phantoms need seed and index of 0 or more and a long side of 256 to 2048 pixels.")
    visit = find_visit(seed, index)
    rng = visit.film_rng("film")
    view = "AP" if rng.random() < 0.4 else "PA"
    film = _lay_out(_draw_format(rng), long_side, view, rng)
    chest = _draw_chest(film, visit, view)
    grey = _develop(film, chest, visit, view)
    boxes = tuple(_scale(box) for box in chest.boxes)
    seen = {box.finding for box in boxes}
    return PhantomFilm(
        name=visit.name,
        pixels=quantise(grey),
        labels=tuple(finding for finding in visit.findings if finding in seen),
        boxes=boxes,
        patient_id=visit.patient_id,
        age=visit.age,
        sex=visit.sex,
        view_position=view,
        pixel_spacing=film.step,
    )


def _draw_format(rng: Rng) -> FilmFormat:
    return FORMATS[int(rng.choice(len(FORMATS), p=[one.share for one in FORMATS]))]


def _lay_out(form: FilmFormat, long_side: int, view: str, rng: Rng) -> Canvas:
    """Return the film as a canvas at its own resolution; rows and columns are even."""
    scale = long_side / max(form.rows, form.columns)
    rows, columns = (SHRINK * round(side * scale / SHRINK) for side in (form.rows, form.columns))
    pose = Pose(
        u=float(rng.normal(0, 8)),
        v=float(rng.normal(24, 9)),
        lean=float(rng.normal(0, 0.035)),
        zoom=float(rng.uniform(1.0, 1.12)) * (1.05 if view == "AP" else 1.0),
    )
    return Canvas(rows, columns, round(form.spacing / scale, 6), pose)


def _draw_chest(film: Canvas, visit: Visit, view: str) -> Chest:
    """Draw everything smooth, findings included, on the coarse grid."""
    grid = replace(film, rows=film.rows // SHRINK, columns=film.columns // SHRINK, step=film.step * SHRINK)
    body, growth = draw_body(visit, view), float(visit.film_rng("growth").uniform(0.88, 1.14))
    enlarged = "Cardiomegaly" in visit.findings
    if enlarged:
        body = enlarge_heart(body, growth, visit.patient_rng("Cardiomegaly"))
    opening = draw_opening(grid.rows, grid.columns, visit.film_rng("shutters"))
    chest = draw_chest(grid, body, opening, visit.film_rng("tissue"))
    add_bones(chest, visit.patient_rng("bones"))
    add_hila(chest, visit.patient_rng("hila"))
    if enlarged:
        box_heart(chest)
    for finding, paint in PAINTERS.items():
        if finding in visit.findings:
            paint(chest, growth, visit.patient_rng(finding))
    return chest


def _develop(film: Canvas, chest: Chest, visit: Visit, view: str) -> Field:
    """Return the film's grey in [0, 1]: the coarse drawing enlarged, fine structures added, exposed."""
    density = _enlarge(chest.density, film)
    vessels = draw_vessels(chest, film, visit.patient_rng("vessels"))
    density += mask_vessels(vessels, _enlarge(chest.both_lungs, film), _enlarge(chest.markings, film))
    devices = draw_devices(film, chest.body, visit, view)
    if devices is not None:
        density += devices
    grey = expose(density, view, visit.film_rng("exposure"))
    grey *= draw_opening(film.rows, film.columns, visit.film_rng("shutters"))
    return burn_in(grey, view, visit.film_rng("letters"))


def _enlarge(field: Field, film: Canvas) -> Field:
    size = (film.columns, film.rows)
    enlarged = Image.fromarray(np.ascontiguousarray(field, np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.array(enlarged, np.float32)


def _scale(box: PhantomBox) -> PhantomBox:
    return PhantomBox(box.finding, box.x * SHRINK, box.y * SHRINK, box.width * SHRINK, box.height * SHRINK)
