"""Operating points chosen per finding from probabilities and labels, shrunk towards a prior.

The gate of a finding is the probability at or above which it counts as present. With n films that carry it, the own
optimum is averaged with the prior on the logit scale, with weight n / (n + shrinkage); below a minimum of films the
prior stands alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from models.spec import BundleSpec, Frozen

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Criterion = Literal["youden", "f1"]
EDGE = 1e-6
"""Probabilities are kept this far from 0 and 1 on the logit scale."""


class GateSearch(Frozen):
    """How operating points are chosen."""

    criterion: Criterion = "youden"
    """youden: sensitivity + specificity - 1; f1: harmonic mean of sensitivity and precision."""
    minimum_positives: int = Field(default=10, ge=1)
    """Films with the finding below which its prior is taken as it is."""
    shrinkage: float = Field(default=20.0, ge=0)
    """Number of films with the finding at which its own optimum weighs as much as the prior."""


@dataclass(frozen=True, slots=True)
class GateChoice:
    """The operating point of one finding, and on what grounds.

    Attributes:
        positives: films with the finding.
        own_weight: of the finding's own optimum; 0 where the prior was taken as it is.
    """

    gate: float
    positives: int
    own_weight: float


def choose_gates(
    findings: Sequence[str],
    probabilities: Floats,
    positive: Booleans,
    prior: Mapping[str, float] | None = None,
    search: GateSearch | None = None,
) -> dict[str, GateChoice]:
    """Choose an operating point for every finding.

    Args:
        findings: C names.
        probabilities: (N, C) of films that were not used in training.
        positive: (N, C) whether the label table asserts the finding.
        prior: gate of each finding to shrink towards; None: the mean, on the logit scale, of the optima of the
            findings that have enough films (.5 where none has).
        search: criterion and weights; the defaults when None.
    """
    search = search or GateSearch()
    counts = positive.sum(axis=0)
    enough = (counts >= search.minimum_positives) & (counts < len(positive))
    own = {
        name: best_gate(probabilities[:, column], positive[:, column], search.criterion)
        for column, name in enumerate(findings)
        if enough[column]
    }
    common = _sigmoid(float(np.mean([_logit(gate) for gate in own.values()]))) if own else 0.5
    return {
        name: _shrunk(own.get(name), common if prior is None else prior[name], int(count), search.shrinkage)
        for name, count in zip(findings, counts, strict=True)
    }


def best_gate(probability: Floats, positive: Booleans, criterion: Criterion) -> float:
    """Return the gate that separates N films best: midway, on the logit scale, between two neighbouring probabilities.

    Equal values go to the lowest gate. Both groups must be there.
    """
    order = np.argsort(probability, kind="stable")
    values, mask = probability[order], positive[order]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    found = mask.sum() - np.r_[0, mask.cumsum()][starts]  # films with the finding at or above each start
    called = len(values) - starts
    if criterion == "youden":
        merit = found / mask.sum() - (called - found) / (~mask).sum()
    else:
        merit = 2 * found / (called + mask.sum())
    best = int(starts[np.argmax(merit.round(12))])
    return _sigmoid((_logit(float(values[best])) + _logit(float(values[max(best - 1, 0)]))) / 2)


def with_gates(spec: BundleSpec, choices: Mapping[str, GateChoice], source: str) -> BundleSpec:
    """Return a bundle's spec with chosen operating points; ``source`` says in words where they come from."""
    findings = {
        name: one.model_copy(update={"gate": choices[name].gate}) if name in choices else one
        for name, one in spec.findings.items()
    }
    return spec.model_copy(update={"findings": findings, "gate_source": source})


def _shrunk(own: float | None, prior: float, positives: int, shrinkage: float) -> GateChoice:
    if own is None:
        return GateChoice(prior, positives, 0.0)
    weight = positives / (positives + shrinkage)
    gate = _sigmoid(weight * _logit(own) + (1 - weight) * _logit(prior))
    return GateChoice(gate, positives, weight)


def _logit(probability: float) -> float:
    clipped = min(max(probability, EDGE), 1 - EDGE)
    return float(np.log(clipped / (1 - clipped)))


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
