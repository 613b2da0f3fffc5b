"""A batch of films to findings: gate, attention, boxes. The same steps in a run, for one film, and in an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harvest.asymmetry import film_asymmetry
from harvest.attention import StoredMaps, stack_maps
from harvest.batches import Film
from harvest.box_rules import BoxRules, MapStack
from harvest.boxes import CutBox, as_boxes
from harvest.config import GateMode, HarvestConfig, apply_overrides
from harvest.geometry import Placement
from harvest.predict import BoolArray, FilmMaps, Predictor
from models.findings import parse_labels

UNKNOWN = -1
"""In a label matrix: the label table has no row for the film."""
FilmStored = dict[int, StoredMaps]
"""The stored maps of a film by column (finding)."""
Boxes = dict[tuple[int, int], tuple[CutBox, ...]]
"""The boxes of gated findings by row (film) and column."""


@dataclass(frozen=True, slots=True)
class FindingResult:
    """What the network says of one finding of one film.

    Attributes:
        probability: sigmoid of N_1's logit.
        gate: operating point of the finding.
        labeled: whether the label table asserts the finding; None where it has no row for the film.
        gated: whether the finding is boxed.
        peaks: largest value of each iteration's map.
        stored: the maps, where the probability or the gate asks for them.
        boxes: best rank first; only for gated findings.
    """

    finding: str
    probability: float
    gate: float
    labeled: bool | None
    gated: bool
    peaks: tuple[float, ...]
    stored: StoredMaps | None = None
    boxes: tuple[CutBox, ...] = ()


class Localizer:
    """A predictor with the rules that turn its maps into boxes."""

    def __init__(self, predictor: Predictor, config: HarvestConfig) -> None:
        """Combine the bundle of ``predictor`` with a run's settings."""
        self.predictor = predictor
        spec = apply_overrides(predictor.spec, config)
        self.rules = BoxRules.of(spec)
        self.findings = spec.network.findings
        self._gates = np.array([spec.findings[name].gate for name in self.findings])
        self._config = config

    def localize(self, films: Sequence[Film]) -> list[list[FindingResult] | None]:
        """Localize the findings of accepted films.

        Args:
            films: 1 to ``predictor.batch_size``, each with input and placement.

        Returns:
            Per film its findings in the bundle's order; None where the network's output is not finite.
        """
        labels = label_matrix(films, self.findings)
        inputs = np.stack([film.input for film in films if film.input is not None])
        maps = self.predictor.predict(inputs, lambda probabilities: self._select(probabilities, labels))
        finite = np.asarray(np.isfinite(maps.probabilities).all(axis=1))
        gated = gate_findings(maps.probabilities, self._gates, labels, self._config.gate.mode) & finite[:, None]
        with self.predictor.computing():
            stored = [_stored(maps, row, film) if finite[row] else {} for row, film in enumerate(films)]
            boxes = self._cut(films, stored, gated)
        return [
            self._film_results(row, maps, labels[row], stored[row], boxes) if finite[row] else None
            for row in range(len(films))
        ]

    def localize_accepted(self, batch: Sequence[Film]) -> list[tuple[Film, list[FindingResult] | None]]:
        """Localize a batch in which rejected films lie between the accepted ones; results of rejected ones are None."""
        accepted = [film for film in batch if film.rejection is None]
        results = iter(self.localize(accepted) if accepted else ())
        return [(film, next(results) if film.rejection is None else None) for film in batch]

    def _select(self, probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int8]) -> BoolArray:
        gated = gate_findings(probabilities, self._gates, labels, self._config.gate.mode)
        selected: BoolArray = gated | (probabilities >= self._config.storage.attention_above)
        return selected

    def _cut(self, films: Sequence[Film], stored: Sequence[FilmStored], gated: BoolArray) -> Boxes:
        """Cut the boxes of all gated findings of the batch at once."""
        cells = [(row, column) for row, column in np.argwhere(gated).tolist()]
        if not cells:
            return {}
        names, maps = [self.findings[column] for _, column in cells], [stored[row][column] for row, column in cells]
        placements = [_placement(films[row]) for row, _ in cells]
        cut = self.rules.cut_stack(MapStack(names, stack_maps(maps), placements))
        return dict(zip(cells, as_boxes(cut, len(cells)), strict=True))

    def _film_results(
        self, row: int, maps: FilmMaps, labels: npt.NDArray[np.int8], stored: FilmStored, boxes: Boxes
    ) -> list[FindingResult]:
        return [
            FindingResult(
                finding=name,
                probability=float(maps.probabilities[row, column]),
                gate=float(self._gates[column]),
                labeled=None if labels[column] == UNKNOWN else bool(labels[column]),
                gated=(row, column) in boxes,
                peaks=tuple(maps.peaks[:, row, column].tolist()),
                stored=stored.get(column),
                boxes=boxes.get((row, column), ()),
            )
            for column, name in enumerate(self.findings)
        ]


def _stored(maps: FilmMaps, row: int, film: Film) -> FilmStored:
    assert film.input is not None
    return maps.stored(row, film_asymmetry(film.input, _placement(film)))


def _placement(film: Film) -> Placement:
    assert film.placement is not None
    return film.placement


def label_matrix(films: Sequence[Film], findings: tuple[str, ...]) -> npt.NDArray[np.int8]:
    """Return (B, C): 1 asserted by the label table, 0 not asserted, ``UNKNOWN`` where it has no row for the film."""
    matrix = np.full((len(films), len(findings)), UNKNOWN, dtype=np.int8)
    for row, film in enumerate(films):
        if film.source.labels is not None:
            asserted = parse_labels(film.source.labels)
            matrix[row] = [name in asserted for name in findings]
    return matrix


def gate_findings(
    probabilities: npt.NDArray[np.float64],
    gates: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int8],
    mode: GateMode,
) -> BoolArray:
    """Return which findings are boxed, by operating point, by label, or by either: (B, C), or any one shape of all."""
    by_probability = probabilities >= gates
    by_label = labels == 1
    gated: BoolArray = {"probability": by_probability, "labels": by_label, "both": by_probability | by_label}[mode]
    return gated
