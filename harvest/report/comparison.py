"""Findings under the settings that a lake holds, side by side: other models, thresholds or gates over one archive."""

from collections.abc import Sequence
from dataclasses import dataclass

from harvest.report.figures import Row
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
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]


def compare_settings(counts: Sequence[Row], runs: Sequence[RunRecord]) -> Comparison | None:
    """Return the latest settings side by side; None where there are not two.

    Args:
        counts: rows of ``config_fingerprint``, ``finding``, ``films``, ``boxes``.
        runs: records; settings without a complete run are left out.
    """
    complete = [run for run in runs if run["status"] == "complete"]
    complete.sort(key=lambda run: (run["finished_at"], run["run_id"]), reverse=True)
    bundles = {run["config_fingerprint"]: run["bundle"] for run in complete}
    columns = tuple((bundle, fingerprint) for fingerprint, bundle in bundles.items())[:SHOWN]
    if len(columns) < 2:
        return None
    found = {
        (row["config_fingerprint"], row["finding"]): (row["films"], row["boxes"]) for row in counts if row["films"]
    }
    rows = tuple(
        (finding, tuple(found.get((fingerprint, finding), (0, 0)) for _, fingerprint in columns))
        for finding in in_order(finding for _, finding in found)
    )
    return Comparison(columns, rows)
