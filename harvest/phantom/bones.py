"""Bones: ribs from behind and in front, clavicles, shoulder blades, spine, upper arms."""

import numpy as np

from harvest.phantom.anatomy import Chest, lung_wall
from harvest.phantom.body import SIDES, Body
from harvest.phantom.canvas import Canvas, Field, Rng, band, ramp

_TABLE_STEP = 0.5
"""mm between the entries of a rib table."""
_TABLE_START = -260.0
_TABLE_SIZE = 1200


def add_bones(chest: Chest, rng: Rng) -> None:
    """Draw all bones into the chest's density."""
    canvas, body = chest.canvas, chest.body
    ribs = _posterior_ribs(canvas, body, rng) + _anterior_ribs(canvas, body, rng)
    bones = ribs + _spine(canvas, body) + _clavicles(canvas, body, rng) + _shoulders(canvas, body)
    chest.density += bones * np.float32(body.bone)


def _rib_table(body: Body, thickness: float, rng: Rng) -> Field:
    """Return density by distance down the cage: per rib two bright rims and a paler middle."""
    v = np.arange(_TABLE_SIZE) * _TABLE_STEP + _TABLE_START
    table = np.zeros(_TABLE_SIZE)
    for number in range(12):
        centre = body.apex + body.rib_phase - 26 + body.rib_pitch * (number + rng.normal(0, 0.06))
        half = thickness / 2 * rng.uniform(0.9, 1.12)
        place = (v - centre) / half
        body_of_rib = np.clip((1.15 - np.abs(place)) / 0.3, 0, 1)
        rim = np.exp(-(((place - 0.85) / 0.3) ** 2)) + 0.7 * np.exp(-(((place + 0.85) / 0.3) ** 2))
        table += (0.75 * body_of_rib + 0.4 * rim) * rng.uniform(0.85, 1.1)
    return table.astype(np.float32)


def _look_up(table: Field, distance: Field) -> Field:
    place = ((distance - np.float32(_TABLE_START)) * np.float32(1 / _TABLE_STEP)).astype(np.int32)
    return table[np.clip(place, 0, _TABLE_SIZE - 1)]


def _cage(canvas: Canvas, body: Body) -> tuple[Field, Field]:
    """Return the share of the way from spine to wall, and the mask of the rib cage."""
    wall = lung_wall(body, canvas.v) + np.float32(5)
    share = canvas.side_u / np.maximum(wall, 20)
    fading = ramp(body.base - 4 - canvas.v, 60) * ramp(canvas.v - body.apex + 6, 14)
    return share, ramp(wall - canvas.side_u, 2.5) * fading


def _posterior_ribs(canvas: Canvas, body: Body, rng: Rng) -> Field:
    share, cage = _cage(canvas, body)
    share = np.minimum(share, 1.0)
    fall = (46 * share**3.2 + 6 * share - 9 * np.sin(np.pi * share)) * np.float32(body.rib_slope)
    pattern = _look_up(_rib_table(body, 9.5, rng), canvas.v - fall)
    rim = 1 + 0.9 * share**8
    return pattern * cage * rim * ramp(canvas.side_u - 14, 8) * np.float32(0.10)


def _anterior_ribs(canvas: Canvas, body: Body, rng: Rng) -> Field:
    share, cage = _cage(canvas, body)
    inward = np.clip(1 - share, 0, 1)
    fall = (52 + 6 * body.rib_slope) + 78 * inward**1.15
    pattern = _look_up(_rib_table(body, 12.0, rng), canvas.v - fall)
    bony = ramp(share - 0.48, 0.16)
    return pattern * cage * bony * np.float32(0.042)


def _spine(canvas: Canvas, body: Body) -> Field:
    """Return the vertebrae with their discs, pedicles and the transverse processes."""
    phase = (canvas.v + body.rib_phase) * np.float32(2 * np.pi / body.rib_pitch)
    vertebra = ramp(np.cos(phase) + 0.55, 0.7)
    column = band(canvas.u, 15.5, 4)
    pedicles = band(canvas.side_u - 10, 2.6, 3) * ramp(np.cos(phase + 0.9) - 0.35, 0.5)
    spinous = band(canvas.u, 1.8, 2.5) * ramp(np.cos(phase - 0.8) - 0.2, 0.5)
    wings = band(canvas.side_u - 18, 8, 5) * ramp(np.cos(phase) - 0.55, 0.4)
    return np.asarray(column * (0.09 + 0.045 * vertebra) + 0.05 * (pedicles + spinous) + 0.04 * wings)


def _clavicles(canvas: Canvas, body: Body, rng: Rng) -> Field:
    """Return the collar bones: an S from the breastbone up to the shoulder."""
    bones = np.zeros((canvas.rows, canvas.columns), np.float32)
    base, rise = body.apex + float(rng.uniform(22, 36)), float(rng.uniform(8, 30)) + body.shoulder
    for side in SIDES:
        along = (canvas.u * side - 16) / np.float32(body.half_width + 12)
        level = base + rng.normal(0, 2) - rise * along + 7 * np.sin(2 * np.pi * np.clip(along, 0, 1))
        half = 5.2 + 3.5 * np.clip(0.25 - along, 0, 0.25) / 0.25
        ends = ramp(along, 0.04) * ramp(1 - along, 0.06)
        away = (canvas.v - level) / half
        bones += ends * (
            0.095 * ramp(1.1 - np.abs(away), 0.35) + 0.065 * np.exp(-(((np.abs(away) - 0.85) / 0.25) ** 2))
        )
    return bones


def _shoulders(canvas: Canvas, body: Body) -> Field:
    """Return shoulder blades, their sockets and the upper arms."""
    v, out = canvas.v, canvas.side_u
    top = body.apex + 8 - body.shoulder
    inner = body.half_width + (2 if body.arms_down else 14) - 0.16 * np.clip(v - top, 0, 160)
    blade = ramp(out - inner, 3) * ramp(v - top, 10) * ramp(top + 125 - v, 30) * ramp(body.half_width + 42 - out, 26)
    edge = band(out - inner - 2, 2, 3) * ramp(v - top - 8, 10) * ramp(top + 122 - v, 20)
    return np.float32(0.075) * blade + np.float32(0.06) * edge + _heads(canvas, body, top)


def _heads(canvas: Canvas, body: Body, top: float) -> Field:
    centre_u, centre_v = body.half_width + 52, top + 22
    ball = np.hypot(canvas.side_u - np.float32(centre_u), canvas.v - np.float32(centre_v))
    lean = centre_u + (2 if body.arms_down else 30) * np.clip((canvas.v - centre_v) / 120, 0, 2)
    shaft = canvas.side_u - lean - 6
    bone = 0.07 * band(shaft, 12, 3) + 0.05 * band(np.abs(shaft) - 10.5, 2, 2)
    return np.asarray(np.maximum(0.11 * ramp(24 - ball, 3), bone * ramp(canvas.v - centre_v, 6)))
