"""Quality in the field without boxes: what labels, lungs, small shifts, time and scanners say of a harvest."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from scipy.special import bdtr, bdtrik

from harvest.questions import run_question
from harvest.report.answers import Counts, Row, ask

IOU_BINS = 10
FEWEST_FILMS = 10
"""Half of the periods have so many, or periods are years: a share of two films says nothing."""
PERIODS = (1, 3, 12)
"""Months of a period."""
CHANCE = 0.0027
"""Share of counts that lie outside of the limits by chance alone: three standard deviations of a normal one."""


@dataclass
class FindingQuality:
    """One finding. What is not known is None or empty.

    Attributes:
        labels: its row of the question ``labels_against_attention``.
        outside: of ``attention_outside_lungs``.
        stability: of ``stability_under_shifts``.
        overlaps: (IOU_BINS,) moved films by intersection over union of their first box with the film's own.
        periods: rows of ``from_month`` (12 year + month - 1), ``months``, ``films``, ``seen`` and limits
            (:func:`with_limits`), in order: months, or longer ones where films are few.
        scanners: likewise of ``manufacturer`` and ``model``.
    """

    labels: Row | None = None
    outside: Row | None = None
    stability: Row | None = None
    overlaps: Counts = field(default_factory=lambda: np.zeros(IOU_BINS, np.int64))
    periods: list[Row] = field(default_factory=list)
    scanners: list[Row] = field(default_factory=list)


Quality = dict[str, FindingQuality]
"""By finding."""


def read_quality(root: Path) -> Quality:
    """Ask a lake what can be said of its boxes without any that a person drew."""
    found: Quality = defaultdict(FindingQuality)
    for row in run_question(root, "labels_against_attention", {}).to_pylist():
        found[row["finding"]].labels = row
    for row in run_question(root, "attention_outside_lungs", {}).to_pylist():
        found[row["finding"]].outside = row
    for row in run_question(root, "stability_under_shifts", {}).to_pylist():
        found[row["finding"]].stability = row
    for row in ask(root, "shifts", bins=IOU_BINS):
        found[row["finding"]].overlaps[row["bin"]] = row["shifts"]
    for finding, rows in _by_finding(ask(root, "months")).items():
        found[finding].periods = with_limits(in_periods(rows))
    for finding, rows in _by_finding(ask(root, "scanners")).items():
        found[finding].scanners = with_limits(rows)
    return dict(found)


def in_periods(rows: list[Row]) -> list[Row]:
    """Sum months into the shortest periods that have enough films.

    Args:
        rows: of ``study_year``, ``study_month``, ``films``, ``seen``, in order of time.
    """
    for months in PERIODS:
        found: dict[int, Row] = {}
        for row in rows:
            start = (12 * row["study_year"] + row["study_month"] - 1) // months * months
            period = found.setdefault(start, {"from_month": start, "months": months, "films": 0, "seen": 0})
            period["films"] += row["films"]
            period["seen"] += row["seen"]
        if median(period["films"] for period in found.values()) >= FEWEST_FILMS:
            break
    return list(found.values())


def with_limits(rows: list[Row]) -> list[Row]:
    """Add to each row ``low`` and ``high``: the counts between which ``seen`` stays by chance alone, both included.

    By chance alone: where every film has the finding with the same probability, that of all rows together. These are
    the limits of a control chart, exact where films are few (binomial, ``CHANCE`` outside).

    Args:
        rows: each with ``films`` >= 1 and ``seen``.
    """
    films = np.array([row["films"] for row in rows], np.int64)
    share = np.clip(sum(row["seen"] for row in rows) / films.sum(), 1e-9, 1 - 1e-9)
    low, high = (_quantile(CHANCE / 2, films, share), _quantile(1 - CHANCE / 2, films, share))
    return [row | {"low": int(a), "high": int(b)} for row, a, b in zip(rows, low, high, strict=True)]


def _quantile(chance: float, films: Counts, share: float) -> Counts:
    """Return the smallest count that is not exceeded with probability ``chance``."""
    count = np.ceil(np.nan_to_num(bdtrik(chance, films, share)))
    below = np.maximum(count - 1, 0)
    counts: Counts = np.where(bdtr(below, films, share) >= chance, below, count).astype(np.int64)
    return counts


def _by_finding(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.pop("finding")].append(row)
    return found
