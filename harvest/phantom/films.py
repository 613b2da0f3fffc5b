"""What a phantom film is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PhantomBox:
    """The visible extent of one finding, in pixels of its film.

    Attributes:
        finding: canonical name.
        x, y: upper left corner.
        width, height: of the extent.
    """

    finding: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PhantomFilm:
    """A synthetic chest film with its truth.

    Attributes:
        name: ``00000001_000``: patient (8 digits) and follow-up (3 digits).
        pixels: (rows, columns) uint8, bright is dense.
        labels: findings that are drawn, canonical, in project order; empty for none.
        boxes: one or more per label.
        patient_id, age, sex: of the made-up patient; age in years.
        view_position: PA or AP.
        pixel_spacing: mm per pixel.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    boxes: tuple[PhantomBox, ...]
    patient_id: int
    age: int
    sex: str
    view_position: str
    pixel_spacing: float

    @property
    def follow_up(self) -> int:
        """Number of the film within its patient, from 0."""
        return int(self.name[-3:])
