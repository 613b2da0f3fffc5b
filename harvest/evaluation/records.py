"""What an evaluation compares: plain records, all boxes of one film in the same frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Annotation(Protocol):
    """A box drawn by a person; ``harvest.annotations.AnnotatedBox`` is one."""

    @property
    def stem(self) -> str:
        """File name of the film without folder and suffix."""

    @property
    def finding(self) -> str:
        """Canonical name."""

    @property
    def x_min(self) -> float:
        """Left edge."""

    @property
    def y_min(self) -> float:
        """Upper edge."""

    @property
    def x_max(self) -> float:
        """Right edge, half-open."""

    @property
    def y_max(self) -> float:
        """Lower edge, half-open."""


@dataclass(frozen=True, slots=True)
class HarvestedBox:
    """A box cut by us.

    Attributes:
        stem: file name of the film without folder and suffix.
        finding: canonical name.
        rank: from 1, best first, per film and finding.
        x_min, y_min, x_max, y_max: half-open, in the frame of the film's annotated boxes.
        probability: of the finding on this film.
        mean_attention: inside the box, [0, 1].
    """

    stem: str
    finding: str
    rank: int
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    probability: float = 1.0
    mean_attention: float = 1.0


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the heatmap of one film and finding is largest, in the frame of the film's annotated boxes."""

    stem: str
    finding: str
    x: float
    y: float


@dataclass(frozen=True)
class EvaluationSet:
    """Everything that one system is scored on.

    Attributes:
        patients: patient of every film, by stem; intervals are over patients.
        annotated: boxes drawn by radiologists, in any order.
        harvested: our boxes, in any order; those of (film, finding) pairs without annotated box are not scored.
    """

    patients: Mapping[str, str]
    annotated: Sequence[Annotation]
    harvested: Sequence[HarvestedBox]
