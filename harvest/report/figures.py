"""The figures of the report: counts, distributions and places, asked of the published snapshot in SQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harvest.report.answers import Counts, Row, ask
from harvest.report.comparison import Comparison, compare_settings
from harvest.report.quality import Quality, read_quality
from harvest.run_record import RunRecord

BINS = 25
CELLS = 48
STATES = ("localized", "no_finding", "rejected")


@dataclass(frozen=True)
class FindingFigures:
    """One finding over the whole lake.

    Attributes:
        films: on which it was boxed.
        boxes: harvested ones, all ranks.
        labeled: films for which the label table asserts it; None where there is no label table.
        labeled_and_gated: of these, boxed.
        gate: operating point; None before anything was predicted.
        median_probability: over ``films``; None without any, like the next two.
        median_side_share: of first boxes: side of the square of equal area, as a share of the film's.
        median_side_mm: likewise in mm; None also where no spacing is known.
        below, above: (BINS,) films by probability over [0, 1], not boxed and boxed.
        sizes: (BINS,) first boxes by side share over [0, 1].
        places: (CELLS, CELLS) first boxes that cover each cell of the film, rows down.
    """

    finding: str
    films: int
    boxes: int
    labeled: int | None
    labeled_and_gated: int
    gate: float | None
    median_probability: float | None
    median_side_share: float | None
    median_side_mm: float | None
    below: Counts
    above: Counts
    sizes: Counts
    places: Counts


@dataclass(frozen=True)
class LakeFigures:
    """All that is counted.

    Attributes:
        states: films by state, every state.
        findings: those with most films first.
        rejections: rows of ``reason_code``, ``stage``, ``films``, most films first.
        quality: what can be said without annotated boxes.
        comparison: the latest settings side by side; None where there are not two.
    """

    states: dict[str, int]
    findings: tuple[FindingFigures, ...]
    rejections: tuple[Row, ...]
    quality: Quality
    comparison: Comparison | None

    @property
    def films(self) -> int:
        """Of any state."""
        return sum(self.states.values())

    @property
    def boxes(self) -> int:
        """Of all findings."""
        return sum(one.boxes for one in self.findings)


def read_figures(root: Path, runs: Sequence[RunRecord] = ()) -> LakeFigures:
    """Count what the snapshot of a lake holds under its current settings.

    Args:
        root: directory of the lake.
        runs: records of its runs, to compare their settings.

    Raises:
        LakeError: there is no snapshot.
    """
    found = {row["state"]: row["films"] for row in ask(root, "states")}
    counts = {
        "below": _binned(root, False),
        "above": _binned(root, True),
        "sizes": _sizes(root),
        "places": _places(root),
    }
    findings = [
        _figures(row, {name: by_finding[row["finding"]] for name, by_finding in counts.items()})
        for row in ask(root, "findings")
    ]
    states = {state: found.get(state, 0) for state in STATES}
    rejections = tuple(ask(root, "rejections"))
    return LakeFigures(states, tuple(findings), rejections, read_quality(root), compare_settings(root, runs))


def _figures(row: Row, counts: Row) -> FindingFigures:
    if not row.pop("with_label_row"):
        row["labeled"] = None
    return FindingFigures(**row | counts)


def _binned(root: Path, gated: bool) -> Mapping[str, Counts]:
    counts = _empty(BINS)
    for row in ask(root, "probabilities", bins=BINS):
        if row["gated"] is gated:
            counts[row["finding"]][row["bin"]] = row["films"]
    return counts


def _sizes(root: Path) -> Mapping[str, Counts]:
    counts = _empty(BINS)
    for row in ask(root, "sizes", bins=BINS):
        counts[row["finding"]][row["bin"]] = row["boxes"]
    return counts


def _places(root: Path) -> Mapping[str, Counts]:
    corners = _empty(CELLS + 1, CELLS + 1)
    for row in ask(root, "places", cells=CELLS):
        corners[row["finding"]][row["y"], row["x"]] = row["boxes"]
    covered = _empty(CELLS, CELLS)
    for finding, signed in corners.items():
        covered[finding] = signed.cumsum(axis=0).cumsum(axis=1)[:CELLS, :CELLS]
    return covered


def _empty(*shape: int) -> defaultdict[str, Counts]:
    return defaultdict(lambda: np.zeros(shape, np.int64))
