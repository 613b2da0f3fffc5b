"""Findings under the settings that a lake holds, side by side: other models, thresholds or gates over one archive."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harvest.report.answers import Row, ask
from harvest.run_record import RunRecord
from models.findings import in_order

SHOWN = 4
"""Settings side by side, the latest first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Films and boxes of each finding.

    Attributes:
        columns: (bundle, config_fingerprint) of each settings, the latest first.
        rows: finding, and (films, boxes) under each settings.
        agreement: of the two latest settings on the films that both have, by finding: rows of ``both_boxed``,
            ``earlier_alone``, ``later_alone``, ``mean_iou``.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    agreement: dict[str, Row]


def compare_settings(root: Path, runs: Sequence[RunRecord]) -> Comparison | None:
    """Return the latest settings side by side; None where there are not two.

    Args:
        root: directory of the lake.
        runs: records; settings without a complete run are left out.
    """
    columns = _latest_settings(runs)
    if len(columns) < 2:
        return None
    counts = ask(root, "settings")
    found = {
        (row["config_fingerprint"], row["finding"]): (row["films"], row["boxes"]) for row in counts if row["films"]
    }
    rows = tuple(
        (finding, tuple(found.get((fingerprint, finding), (0, 0)) for _, fingerprint in columns))
        for finding in in_order(finding for _, finding in found)
    )
    (_, later), (_, earlier) = columns[:2]
    agreement = {row["finding"]: row for row in ask(root, "agreement", earlier=earlier, later=later)}
    return Comparison(columns, rows, agreement)


def _latest_settings(runs: Sequence[RunRecord]) -> tuple[tuple[str, str], ...]:
    complete = [run for run in runs if run["status"] == "complete"]
    complete.sort(key=lambda run: (run["finished_at"], run["run_id"]), reverse=True)
    bundles = {run["config_fingerprint"]: run["bundle"] for run in complete}
    return tuple((bundle, fingerprint) for fingerprint, bundle in bundles.items())[:SHOWN]
