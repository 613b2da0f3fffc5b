"""Films to look at: the best, a typical and the worst case of each finding, with both kinds of boxes."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from harvest.evaluation.cases import FindingCase
from harvest.evaluation.extras import best_box_iou
from harvest.evaluation.records import Annotation, EvaluationSet
from harvest.records import UInt8Image

LONGEST_SIDE = 360
"""Of an embedded film, pixels."""

FilmReader = Callable[[str], UInt8Image | None]
"""Stem to (rows, columns) uint8; None where the film cannot be shown."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A box in pixels of the stored image; ``label`` is the rank of a harvested box, "" for an annotated one."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class ShownCase:
    """One film with the boxes of one finding.

    Attributes:
        kind: best, typical or worst by the IoU of the best box.
        iou: of the best box.
        rows, columns: of the stored image.
        picture: data URI of the film, made smaller.
    """

    finding: str
    kind: str
    stem: str
    iou: float
    rows: int
    columns: int
    picture: str
    annotated: tuple[Rectangle, ...]
    harvested: tuple[Rectangle, ...]


def choose_cases(case: FindingCase) -> dict[str, tuple[str, float]]:
    """Return (stem, best-box IoU) of the best, the typical (median) and the worst film; ties by name.

    A finding with fewer than three films shows each once.
    """
    ranked = sorted(zip((-best_box_iou(case)).tolist(), case.stems, strict=True))
    places = {"best": 0, "typical": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen: dict[str, tuple[str, float]] = {}
    for kind, place in places.items():
        stem, iou = ranked[place][1], -ranked[place][0]
        if all(stem != other for other, _ in chosen.values()):
            chosen[kind] = (stem, abs(iou))
    return chosen


def show_cases(cases: Sequence[FindingCase], evaluated: EvaluationSet, read_film: FilmReader) -> list[ShownCase]:
    """Read the chosen films of every finding; those that cannot be read are left out."""
    shown = []
    for case in cases:
        for kind, (stem, iou) in choose_cases(case).items():
            pixels = read_film(stem)
            if pixels is not None:
                shown.append(_show(case.finding, kind, (stem, iou), pixels, evaluated))
    return shown


def picture_uri(pixels: UInt8Image) -> str:
    """Return a film as a small JPEG in a data URI, its shape kept."""
    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX, reducing_gap=None)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _show(finding: str, kind: str, film: tuple[str, float], pixels: UInt8Image, evaluated: EvaluationSet) -> ShownCase:
    stem, iou = film
    rows, columns = np.shape(pixels)
    harvested = sorted((box for box in evaluated.harvested if _of(box, stem, finding)), key=lambda box: box.rank)
    return ShownCase(
        finding=finding,
        kind=kind,
        stem=stem,
        iou=iou,
        rows=rows,
        columns=columns,
        picture=picture_uri(pixels),
        annotated=tuple(_rectangle(box, "") for box in evaluated.annotated if _of(box, stem, finding)),
        harvested=tuple(_rectangle(box, str(box.rank)) for box in harvested),
    )


def _of(box: Annotation, stem: str, finding: str) -> bool:
    return box.stem == stem and box.finding == finding


def _rectangle(box: Annotation, label: str) -> Rectangle:
    return Rectangle(box.x_min, box.y_min, box.x_max - box.x_min, box.y_max - box.y_min, label)
