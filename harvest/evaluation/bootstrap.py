"""Intervals by resampling patients, paired across findings, rules and systems.

Films of one patient resemble each other, so patients are drawn, with replacement, and each brings all its films. All
figures of one evaluation, and of two systems that are compared, use the same draws: a difference is taken inside each
draw. ``iam-table2`` is counted anew in every draw (list, bound and stop), nothing of the original list is kept fixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harvest.evaluation.cases import FindingCase, Integers
from harvest.evaluation.protocols import Rule, Tally, divide, tally
from harvest.evaluation.published import MEAN

RESAMPLES = 2000
SEED = 20180704
LEVEL = 0.95

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval: percentiles of the resamples; None where no resample has a value."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Figures:
    """One figure per finding, with its resamples.

    Attributes:
        findings: F names.
        values: (F,) on the films themselves.
        samples: (R, F) in each resample; NaN where nothing of the finding was drawn.
    """

    findings: tuple[str, ...]
    values: Samples
    samples: Samples

    def of(self, finding: str) -> Estimate:
        """Return the figure of one finding."""
        column = self.findings.index(finding)
        return estimate(float(self.values[column]), self.samples[:, column])

    def mean(self) -> Estimate:
        """Return the mean over findings; a resample without any box of a finding leaves that finding out."""
        return estimate(*_means(self))


@dataclass(frozen=True)
class Scores(Figures):
    """Acc of one system under one rule.

    Attributes:
        rule: how it was counted.
        tallies: the counts of each finding on the films themselves (R = 1).
    """

    rule: Rule
    tallies: tuple[Tally, ...]


def resample_patients(patients: int, resamples: int = RESAMPLES, seed: int = SEED) -> Integers:
    """Draw patients with replacement.

    Returns:
        (resamples, patients) how often each patient was drawn; the same for the same three numbers.
    """
    generator = np.random.default_rng(seed)
    if patients == 0:
        return np.zeros((resamples, 0), dtype=np.int64)
    counts: Integers = generator.multinomial(patients, np.full(patients, 1 / patients), size=resamples)
    return counts


def score(cases: Sequence[FindingCase], rule: Rule, draws: Integers) -> Scores:
    """Score every finding under one rule.

    Args:
        cases: of :func:`harvest.evaluation.cases.build_cases`.
        rule: protocol, overlap, T.
        draws: (R, patients) of :func:`resample_patients`.
    """
    tallies = tuple(tally(case, rule, np.ones((1, len(case.stems)), dtype=np.int64)) for case in cases)
    samples = [tally(case, rule, draws[:, case.patient]).accuracy for case in cases]
    return Scores(
        findings=tuple(case.finding for case in cases),
        values=np.array([one.accuracy[0] for one in tallies]),
        samples=_columns(samples, len(draws)),
        rule=rule,
        tallies=tallies,
    )


def image_means(cases: Sequence[FindingCase], values: Sequence[Samples], draws: Integers) -> Figures:
    """Average a value of each image, by finding.

    Args:
        cases: the findings.
        values: per finding (I,), in the order of the case's ``stems``.
        draws: (R, patients) of :func:`resample_patients`.
    """
    weights = [draws[:, case.patient] for case in cases]
    samples = [divide(weight @ value, weight.sum(axis=1)) for weight, value in zip(weights, values, strict=True)]
    return Figures(
        findings=tuple(case.finding for case in cases),
        values=np.array([value.mean() for value in values]),
        samples=_columns(samples, len(draws)),
    )


def paired_difference(first: Figures, second: Figures) -> dict[str, Estimate]:
    """Return first - second, per finding and as ``"mean"``, with paired intervals.

    Both must come from the same annotated boxes and the same draws.

    Raises:
        ValueError: findings or number of resamples differ.
    """
    if first.findings != second.findings or first.samples.shape != second.samples.shape:
        raise ValueError("a paired difference needs two systems scored on the same boxes with the same draws")
    samples = (first.samples - second.samples).T
    values = (first.values - second.values).tolist()
    (mean, means), (other_mean, other_means) = _means(first), _means(second)
    return {
        **{name: estimate(*pair) for name, *pair in zip(first.findings, values, samples, strict=True)},
        MEAN: estimate(mean - other_mean, means - other_means),
    }


def estimate(value: float, samples: Samples) -> Estimate:
    """Combine a figure with the percentiles of its resamples, NaN left out."""
    known = samples[~np.isnan(samples)]
    if np.isnan(value) or not known.size:
        return Estimate(None if np.isnan(value) else value, None, None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _columns(samples: Sequence[Samples], resamples: int) -> Samples:
    return np.stack(samples, axis=1) if samples else np.zeros((resamples, 0))


def _means(figures: Figures) -> tuple[float, Samples]:
    known = ~np.isnan(figures.samples)
    total = np.where(known, figures.samples, 0).sum(axis=1)
    means = divide(total, known.sum(axis=1))
    return (float(figures.values.mean()) if figures.findings else float("nan")), means
