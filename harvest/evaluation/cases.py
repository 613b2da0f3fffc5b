"""Boxes of one finding as arrays, in the order in which the protocols take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from harvest.evaluation.overlap import Boxes, iobb, iou
from harvest.evaluation.records import Annotation, EvaluationSet, HarvestedBox
from models.findings import FINDINGS

Overlap = Literal["IoU", "IoBB"]
Box = TypeVar("Box", bound=Annotation)
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FindingCase:
    """One finding: its images are those with an annotated box of it, in ascending stem.

    Attributes:
        finding: canonical name.
        stems: I images.
        patient: (I,) index into the evaluation's patients.
        box_image: (B,) image of each harvested box. The order is list B of the paper: every image's first box, then
            every second, and so on, images ascending within each pass.
        annotation_image: (A,) image of each annotated box.
        pairs: (P, 2) every (harvested, annotated) pair that shares an image.
        overlaps: (P,) each, of the pairs.
    """

    finding: str
    stems: tuple[str, ...]
    patient: Integers
    box_image: Integers
    annotation_image: Integers
    pairs: Integers
    overlaps: Mapping[Overlap, Boxes]


def patients_of(evaluated: EvaluationSet) -> tuple[str, ...]:
    """Return the patients with at least one annotated box, ascending: the units of the bootstrap."""
    return tuple(sorted({evaluated.patients[box.stem] for box in evaluated.annotated}))


def build_cases(evaluated: EvaluationSet) -> tuple[FindingCase, ...]:
    """Return one case per finding that has annotated boxes, in project order."""
    index = {patient: number for number, patient in enumerate(patients_of(evaluated))}
    annotated = _by_finding(evaluated.annotated)
    harvested = _by_finding(evaluated.harvested)
    patient = {box.stem: index[evaluated.patients[box.stem]] for box in evaluated.annotated}
    return tuple(
        _build_case(annotated[finding], harvested.get(finding, []), patient)
        for finding in FINDINGS
        if finding in annotated
    )


def list_order(boxes: Sequence[HarvestedBox]) -> list[HarvestedBox]:
    """Return list B: first boxes of all images in ascending stem, then second boxes, and so on.

    "First" is the lowest rank that the image has, so that a list from which boxes were dropped is still in order.
    """
    passes: dict[str, int] = {}
    keyed = []
    for box in sorted(boxes, key=lambda one: (one.stem, one.rank, *_corners(one))):
        passes[box.stem] = passes.get(box.stem, 0) + 1
        keyed.append((passes[box.stem], box))
    return [box for _, box in sorted(keyed, key=lambda item: (item[0], item[1].stem))]


def _build_case(
    annotated: Sequence[Annotation], harvested: Sequence[HarvestedBox], patient: Mapping[str, int]
) -> FindingCase:
    stems = sorted({box.stem for box in annotated})
    image = {stem: number for number, stem in enumerate(stems)}
    boxes = list_order([box for box in harvested if box.stem in image])
    box_image = np.array([image[box.stem] for box in boxes], dtype=np.int64)
    annotation_image = np.array([image[box.stem] for box in annotated], dtype=np.int64)
    pairs = np.argwhere(box_image[:, None] == annotation_image[None, :])
    ours, theirs = _corner_array(boxes)[pairs[:, 0]], _corner_array(annotated)[pairs[:, 1]]
    return FindingCase(
        finding=annotated[0].finding,
        stems=tuple(stems),
        patient=np.array([patient[stem] for stem in stems], dtype=np.int64),
        box_image=box_image,
        annotation_image=annotation_image,
        pairs=pairs,
        overlaps={"IoU": iou(ours, theirs), "IoBB": iobb(ours, theirs)},
    )


def _by_finding(boxes: Sequence[Box]) -> dict[str, list[Box]]:
    groups: dict[str, list[Box]] = {}
    for box in boxes:
        groups.setdefault(box.finding, []).append(box)
    return groups


def _corners(box: Annotation) -> tuple[float, float, float, float]:
    return box.x_min, box.y_min, box.x_max, box.y_max


def _corner_array(boxes: Sequence[Annotation]) -> Boxes:
    return np.array([_corners(box) for box in boxes], dtype=np.float64).reshape(-1, 4)
