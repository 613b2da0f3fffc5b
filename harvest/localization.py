"""A batch of films to findings: gate, attention, boxes. The same steps in a run, for one film, and in an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harvest.asymmetry import film_asymmetry
from harvest.attention import StoredMaps
from harvest.batches import Film
from harvest.box_rules import BoxRules
from harvest.boxes import CutBox
from harvest.config import GateMode, HarvestConfig, apply_overrides
from harvest.predict import BoolArray, FilmMaps, Predictor
from models.findings import parse_labels

UNKNOWN = -1
"""In a label matrix: the label table has no row for the film."""


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
        gated = gate_findings(maps.probabilities, self._gates, labels, self._config.gate.mode)
        return [self._film_results(film, row, maps, labels[row], gated[row]) for row, film in enumerate(films)]

    def localize_accepted(self, batch: Sequence[Film]) -> list[tuple[Film, list[FindingResult] | None]]:
        """Localize a batch in which rejected films lie between the accepted ones; results of rejected ones are None."""
        accepted = [film for film in batch if film.rejection is None]
        results = iter(self.localize(accepted) if accepted else ())
        return [(film, next(results) if film.rejection is None else None) for film in batch]

    def _select(self, probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int8]) -> BoolArray:
        gated = gate_findings(probabilities, self._gates, labels, self._config.gate.mode)
        selected: BoolArray = gated | (probabilities >= self._config.storage.attention_above)
        return selected

    def _film_results(
        self, film: Film, row: int, maps: FilmMaps, labels: npt.NDArray[np.int8], gated: BoolArray
    ) -> list[FindingResult] | None:
        if not np.isfinite(maps.probabilities[row]).all():
            return None
        assert film.input is not None and film.placement is not None
        stored = maps.stored(row, film_asymmetry(film.input, film.placement))
        to_cut = [(self.findings[column], stored[column]) for column in np.flatnonzero(gated).tolist()]
        boxes = dict(zip([name for name, _ in to_cut], self.rules.cut(to_cut, film.placement), strict=True))
        return [
            FindingResult(
                finding=name,
                probability=float(maps.probabilities[row, column]),
                gate=float(self._gates[column]),
                labeled=None if labels[column] == UNKNOWN else bool(labels[column]),
                gated=bool(gated[column]),
                peaks=tuple(maps.peaks[:, row, column].tolist()),
                stored=stored.get(column),
                boxes=boxes.get(name, ()),
            )
            for column, name in enumerate(self.findings)
        ]


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
