"""AUC per finding: the chance that a film with the finding has the higher probability; ties count half."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from harvest.evaluation.cases import Integers

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
BLOCK_CELLS = 4_000_000
"""Resamples are taken in blocks of about this many (resample, film) cells, to bound memory."""


def auc(probability: Floats, positive: Booleans) -> float:
    """Return the area under the ROC curve of N films; NaN where one of the two groups is empty."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = float(rankdata(probability)[positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def auc_samples(probability: Floats, positive: Booleans, patient: Integers, draws: Integers) -> Floats:
    """Return AUC in each resample, (R,); NaN where one of the two groups was not drawn.

    Args:
        probability: (N,) of the films.
        positive: (N,) whether the label table asserts the finding.
        patient: (N,) index into the columns of ``draws``.
        draws: (R, patients) how often each patient was drawn.
    """
    order = np.argsort(probability, kind="stable")
    ordered, mask, columns = probability[order], positive[order], patient[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, dtype=np.int64)
    samples = [_weighted_auc(draws[rows][:, columns], mask, starts) for rows in _blocks(len(draws), len(ordered))]
    return np.concatenate([np.zeros(0), *samples])


def _weighted_auc(weights: Integers, positive: Booleans, starts: Integers) -> Floats:
    """Return (R,) AUC; columns of ``weights`` ascend in probability, ``starts`` are the first of each tied group."""
    with_finding = np.add.reduceat(weights * positive, starts, axis=1)
    without = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = without.cumsum(axis=1) - without
    won = (with_finding * (2 * below + without)).sum(axis=1) / 2
    pairs = with_finding.sum(axis=1) * without.sum(axis=1)
    areas: Floats = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    return areas


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, BLOCK_CELLS // max(1, columns))
    return (slice(start, start + size) for start in range(0, rows if columns else 0, size))
