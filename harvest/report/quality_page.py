"""The section on quality without boxes: its figures as words, shares and shapes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.report.answers import Row
from harvest.report.charts import ControlChart, bars, control_chart, shares
from harvest.report.quality import FindingQuality, Quality

SCANNERS = 6
"""Side by side, those with most films first."""
UNITS = {1: "month", 3: "quarter", 12: "year"}
"""By months of a period."""
LABEL_PARTS = {
    "labeled_and_seen": "both",
    "labeled_not_seen": "label only",
    "seen_not_labeled": "network only",
}


@dataclass(frozen=True, slots=True)
class FindingQualityView:
    """One finding. Parts of which nothing is known are None.

    Attributes:
        labels: name, films and share in percent of each of ``LABEL_PARTS``.
        outside: row of ``attention_outside_lungs``.
        stability: of ``stability_under_shifts``.
        overlaps: path of a histogram.
        course: chart over the time.
        unit: month, quarter or year.
        ends: first and last of them.
        average: mean share of films with the finding.
        beyond: units of time beyond chance.
    """

    finding: str
    labels: list[tuple[str, int, float]] | None
    outside: Row | None
    stability: Row | None
    overlaps: str
    course: ControlChart | None
    unit: str
    ends: tuple[str, str]
    average: float
    beyond: int


@dataclass(frozen=True, slots=True)
class ScannerTable:
    """Share of films with a finding, by scanner.

    Attributes:
        scanners: name and films of each column.
        rows: finding, and in each column share in percent and side of chance: -1 below, 0 within, 1 above.
        more: scanners that are not shown.
    """

    scanners: list[tuple[str, int]]
    rows: list[tuple[str, list[tuple[float, int] | None]]]
    more: int


def quality_values(quality: Quality, findings: Iterable[str]) -> dict[str, Any]:
    """Return the values of the section's template.

    Args:
        quality: of the lake.
        findings: to show, in their order.
    """
    names = [name for name in findings if name in quality]
    views = [_view(name, quality[name]) for name in names]
    return {
        "quality": [view for view in views if view.labels or view.outside or view.stability or view.course],
        "stability_known": any(view.stability for view in views),
        "labels_known": any(view.labels for view in views),
        "course_known": any(view.course for view in views),
        "scanners": _scanner_table({name: quality[name] for name in names}),
    }


def _view(finding: str, one: FindingQuality) -> FindingQualityView:
    seen = sum(row["seen"] for row in one.periods)
    periods = one.periods if seen and len(one.periods) > 1 else []
    return FindingQualityView(
        finding=finding,
        labels=_labels(one.labels),
        outside=one.outside,
        stability=one.stability,
        overlaps=bars(one.overlaps, int(one.overlaps.max())),
        course=control_chart(periods, _places(periods)) if periods else None,
        unit=UNITS[periods[0]["months"]] if periods else "",
        ends=(_name(periods[0]), _name(periods[-1])) if periods else ("", ""),
        average=seen / max(sum(row["films"] for row in periods), 1),
        beyond=sum(_side(row) != 0 for row in periods),
    )


def _labels(row: Row | None) -> list[tuple[str, int, float]] | None:
    if row is None or not any(row[name] for name in LABEL_PARTS):
        return None
    counts = [row[name] for name in LABEL_PARTS]
    return list(zip(LABEL_PARTS.values(), counts, shares(counts), strict=True))


def _places(periods: Sequence[Row]) -> list[float]:
    """Return where each period lies between the first (0) and the last (1)."""
    first, last = (periods[place]["from_month"] for place in (0, -1))
    return [(row["from_month"] - first) / (last - first) for row in periods]


def _name(row: Row) -> str:
    """Return ``2019-03``, ``2019 Q1`` or ``2019``."""
    year, month = divmod(row["from_month"], 12)
    return {1: f"{year:04d}-{month + 1:02d}", 3: f"{year:04d} Q{month // 3 + 1}", 12: f"{year:04d}"}[row["months"]]


def _side(row: Row) -> int:
    return int(row["seen"] > row["high"]) - int(row["seen"] < row["low"])


def _scanner_table(quality: Quality) -> ScannerTable | None:
    """Return the table; None where there are not two scanners."""
    films = {(row["manufacturer"], row["model"]): row["films"] for one in quality.values() for row in one.scanners}
    if len(films) < 2:
        return None
    shown = sorted(films, key=lambda name: (-films[name], str(name)))[:SCANNERS]
    rows: list[tuple[str, list[tuple[float, int] | None]]] = []
    for finding, one in quality.items():
        cells = {
            (row["manufacturer"], row["model"]): (100 * row["seen"] / row["films"], _side(row)) for row in one.scanners
        }
        rows.append((finding, [cells.get(name) for name in shown]))
    names = [" ".join(word for word in name if word) or "unknown" for name in shown]
    return ScannerTable(
        [(name, films[key]) for name, key in zip(names, shown, strict=True)], rows, len(films) - len(shown)
    )
