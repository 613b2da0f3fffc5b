"""Published localization figures, and the bounds that the protocol ``iam-table2`` takes from them.

The figures are facts, kept with their source in ``harvest/published_results.csv``. Wang et al. 2017 divide false
positives by all 984 annotated boxes, so each AFP they print is k/984 for a whole k, rounded or cut to four decimals.
The bound is that k/984 itself: measured against the printed decimals, Wang's own result would exceed its own bound
wherever they were cut (.6666 for 656/984).
"""

import csv
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files

WANG_BOXES = 984
"""Annotated boxes of ChestX-ray14, all findings: the denominator of Wang's AFP."""

MEAN = "mean"
"""In place of a finding: the mean over all that were scored."""


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """One published figure.

    Attributes:
        method: name of the method, with what must be known about it.
        protocol: ``iam-table2``, ``iam-all-boxes``, ``wang-all-boxes``, or one that is not ours.
        overlap: ``IoU`` or ``IoBB``.
        threshold: T.
        finding: canonical name, or ``MEAN``.
        accuracy: fraction of annotated boxes hit.
        afp: as printed; None where none was.
        source: table or page.
        bound_for: protocol whose bound this AFP is, or "".
    """

    method: str
    protocol: str
    overlap: str
    threshold: float
    finding: str
    accuracy: float
    afp: str | None
    source: str
    bound_for: str

    @property
    def false_positives(self) -> int:
        """Wang's k: the whole number for which ``afp`` is k/984."""
        return round(Fraction(self.afp or 0) * WANG_BOXES)


@lru_cache(maxsize=1)
def published_results() -> tuple[PublishedResult, ...]:
    """Read the packaged table, in its own order."""
    text = files("harvest").joinpath("published_results.csv").read_text(encoding="utf-8")
    return tuple(_parse(row) for row in csv.DictReader(text.splitlines()))


@lru_cache(maxsize=1)
def afp_bounds() -> dict[tuple[str, float], Fraction]:
    """Return Wang's AFP as an exact fraction, by (finding, T of IoU): the bounds of ``iam-table2``."""
    return {
        (row.finding, row.threshold): Fraction(row.false_positives, WANG_BOXES)
        for row in published_results()
        if row.bound_for == "iam-table2"
    }


def published_means(protocol: str, overlap: str) -> dict[str, dict[float, float]]:
    """Return mean Acc over findings by method and T; computed here where the source prints findings only."""
    groups: dict[tuple[str, float], list[PublishedResult]] = {}
    for row in published_results():
        if (row.protocol, row.overlap) == (protocol, overlap):
            groups.setdefault((row.method, row.threshold), []).append(row)
    means: dict[str, dict[float, float]] = {}
    for (method, threshold), rows in groups.items():
        means.setdefault(method, {})[threshold] = sum(row.accuracy for row in rows) / len(rows)
    return means


def _parse(row: dict[str, str]) -> PublishedResult:
    return PublishedResult(
        method=row["method"],
        protocol=row["protocol"],
        overlap=row["overlap"],
        threshold=float(row["threshold"]),
        finding=MEAN if row["finding"].startswith("mean") else row["finding"],
        accuracy=float(row["accuracy"]),
        afp=row["afp"] or None,
        source=row["source"],
        bound_for=row["bound_for"],
    )
