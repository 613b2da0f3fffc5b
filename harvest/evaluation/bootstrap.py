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
from harvest.evaluation.protocols import Rule, Tally, tally

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
class Scores:
    """Acc of one system under one rule.

    Attributes:
        rule: how it was counted.
        findings: F names.
        tallies: the counts of each finding on the films themselves (R = 1).
        accuracy: (F,).
        samples: (R, F) Acc in each resample; NaN where no annotated box of the finding was drawn.
    """

    rule: Rule
    findings: tuple[str, ...]
    tallies: tuple[Tally, ...]
    accuracy: Samples
    samples: Samples

    def of(self, finding: str) -> Estimate:
        """Return Acc of one finding."""
        column = self.findings.index(finding)
        return estimate(float(self.accuracy[column]), self.samples[:, column])

    def mean(self) -> Estimate:
        """Return the mean over findings; a resample without any box of a finding leaves that finding out."""
        return estimate(*_means(self))


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
        rule=rule,
        findings=tuple(case.finding for case in cases),
        tallies=tallies,
        accuracy=np.array([one.accuracy[0] for one in tallies]),
        samples=np.stack(samples, axis=1) if samples else np.zeros((len(draws), 0)),
    )


def paired_difference(first: Scores, second: Scores) -> dict[str, Estimate]:
    """Return first - second, per finding and as ``"mean"``, with paired intervals.

    Both must come from the same annotated boxes and the same draws.

    Raises:
        ValueError: findings or number of resamples differ.
    """
    if first.findings != second.findings or first.samples.shape != second.samples.shape:
        raise ValueError("a paired difference needs two systems scored on the same boxes with the same draws")
    differences = {
        name: estimate(float(value), sample)
        for name, value, sample in zip(
            first.findings, first.accuracy - second.accuracy, (first.samples - second.samples).T, strict=True
        )
    }
    (value, samples), (other_value, other_samples) = _means(first), _means(second)
    return differences | {"mean": estimate(value - other_value, samples - other_samples)}


def estimate(value: float, samples: Samples) -> Estimate:
    """Combine a figure with the percentiles of its resamples, NaN left out."""
    known = samples[~np.isnan(samples)]
    if np.isnan(value) or not known.size:
        return Estimate(None if np.isnan(value) else value, None, None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _means(scores: Scores) -> tuple[float, Samples]:
    known = ~np.isnan(scores.samples)
    total = np.where(known, scores.samples, 0).sum(axis=1)
    count = known.sum(axis=1)
    means: Samples = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return (float(scores.accuracy.mean()) if scores.findings else float("nan")), means
