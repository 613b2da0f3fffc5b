"""The plane a phantom is drawn on: millimetres of the body over the grid of the drawing.

Body coordinates: ``u`` grows towards the right edge of the image (the patient's left), 0 at the spine; ``v`` grows
downwards, 0 at the hila. Smooth structures are drawn at half the resolution of the film.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from harvest.phantom.textures import sample_texture

Field = npt.NDArray[np.float32]
"""(rows, columns) over a canvas, or a shape that broadcasts to it."""
Rng = np.random.Generator


@dataclass(frozen=True)
class Pose:
    """How the body lies on the detector.

    Attributes:
        u, v: body coordinates of the film's centre, mm.
        lean: sideways drift of the spine per mm of height (a slight tilt).
        zoom: magnification of the body.
    """

    u: float = 0.0
    v: float = 0.0
    lean: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True)
class Canvas:
    """A grid over the film.

    Attributes:
        rows, columns: of the grid.
        step: mm of the detector per grid cell.
        pose: of the body on the detector.
    """

    rows: int
    columns: int
    step: float
    pose: Pose

    @cached_property
    def v(self) -> Field:
        """(rows, 1) body height of each row, mm."""
        rows = np.arange(self.rows, dtype=np.float32)[:, None]
        return np.asarray((rows + 0.5 - self.rows / 2) * (self.step / self.pose.zoom) + self.pose.v, np.float32)

    @cached_property
    def u(self) -> Field:
        """(rows, columns) sideways place of each cell, mm."""
        columns = np.arange(self.columns, dtype=np.float32)[None, :]
        across = (columns + 0.5 - self.columns / 2) * (self.step / self.pose.zoom) + self.pose.u
        return np.asarray(across - self.pose.lean * self.v, np.float32)

    @cached_property
    def side_u(self) -> Field:
        """(rows, columns) distance from the spine, mm."""
        return np.abs(self.u)

    def place(self, u: npt.ArrayLike, v: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return (..., 2) column and row (float, cell corners at integers) of body points."""
        u, v = np.asarray(u, np.float64), np.asarray(v, np.float64)
        scale = self.pose.zoom / self.step
        column = (u + self.pose.lean * v - self.pose.u) * scale + self.columns / 2
        return np.stack([column, (v - self.pose.v) * scale + self.rows / 2], axis=-1)

    def texture(self, kind: str, rng: Rng) -> Field:
        """Return (rows, columns) of a texture (mean 0, standard deviation 1) at a random place of its tile."""
        return sample_texture(kind, (self.rows, self.columns), self.step, rng)

    def ellipse(self, centre: tuple[float, float], radii: tuple[float, float], angle: float = 0.0) -> Field:
        """Return the elliptic distance: 0 at ``centre``, 1 on the rim; ``angle`` in radians turns u towards v."""
        du, dv = self.u - np.float32(centre[0]), self.v - np.float32(centre[1])
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along, across = (du * cos + dv * sin) / np.float32(radii[0]), (dv * cos - du * sin) / np.float32(radii[1])
        return np.sqrt(along * along + across * across)


def ramp(distance: npt.NDArray[Any], width: float) -> Field:
    """Return a soft step: 0 at ``-width / 2``, 1 at ``width / 2`` of a signed distance in the same unit."""
    return np.asarray(np.clip(distance * np.float32(1 / width) + np.float32(0.5), 0, 1), np.float32)


def band(distance: npt.NDArray[Any], half_width: float, soft: float) -> Field:
    """Return 1 within ``half_width`` of 0, falling to 0 over ``soft``."""
    return ramp(half_width - np.abs(distance), soft)


def bounds(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return x_min, y_min, x_max, y_max of a mask in cells (half-open); None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
