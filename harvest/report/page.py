"""What the template of the report is given: figures as words, shares and shapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harvest.config import HarvestConfig, apply_overrides
from harvest.report.answers import Row
from harvest.report.charts import bars, shares
from harvest.report.figures import BINS, FindingFigures, LakeFigures
from harvest.report.quality import IOU_BINS
from harvest.report.quality_page import quality_values
from harvest.run_record import RunRecord
from harvest.stages import by_duration, duration
from models.spec import BundleSpec

STATE_WORDS = {
    "localized": "with at least one finding",
    "no_finding": "without any",
    "rejected": "rejected, with a reason",
}


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding's row: its figures and the shapes of its charts.

    Attributes:
        share: of all predicted films that have it, percent.
        below, above, sizes: paths of histograms.
        place: picture, relative to the page; "" for none.
    """

    figures: FindingFigures
    share: float
    below: str
    above: str
    sizes: str
    place: str

    @property
    def median_size(self) -> str:
        """Of first boxes, in words."""
        if self.figures.median_side_share is None:
            return "–"
        share = f"{100 * self.figures.median_side_share:.0f} %"
        millimetres = self.figures.median_side_mm
        return share if millimetres is None else f"{millimetres:.0f} mm ({share})"


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage of the run: its time, its share of the whole in percent, its pace, and whether it sets the pace."""

    name: str
    seconds: float
    share: float
    rate: float
    bottleneck: bool

    @property
    def took(self) -> str:
        """Time in words."""
        return duration(self.seconds) if self.seconds >= 10 else f"{self.seconds:.1f} s"


def page_values(
    figures: LakeFigures, places: Sequence[str], runs: Sequence[RunRecord], run: RunRecord | None
) -> dict[str, Any]:
    """Return the values of the template, beside gallery and script."""
    found = [one.finding for one in figures.findings if one.films or one.labeled]
    predicted = figures.states["localized"] + figures.states["no_finding"]
    most_rejected = max((row["films"] for row in figures.rejections), default=1)
    return {
        "figures": figures,
        "bins": BINS,
        "states": [
            (state, figures.states[state], share, STATE_WORDS[state])
            for state, share in zip(figures.states, shares(list(figures.states.values())), strict=True)
        ],
        "findings": [
            _finding(one, place, predicted) for one, place in zip(figures.findings, places, strict=True) if one.films
        ],
        "absent": [one.finding for one in figures.findings if not one.films],
        "labeled": any(one.labeled is not None for one in figures.findings),
        "rejections": [_rejection(row, most_rejected) for row in figures.rejections],
        "run": run,
        "stages": _stages(run),
        "facts": _facts(run) if run else [],
        "comparison": figures.comparison,
        "runs": [_run(one) for one in runs],
        "iou_bins": IOU_BINS,
        **quality_values(figures.quality, found),
    }


def _finding(figures: FindingFigures, place: str, predicted: int) -> FindingView:
    tallest = int((figures.below + figures.above).max())
    return FindingView(
        figures=figures,
        share=100 * figures.films / max(predicted, 1),
        below=bars(figures.below, tallest),
        above=bars(figures.above, tallest),
        sizes=bars(figures.sizes, int(figures.sizes.max())),
        place=place,
    )


def _rejection(row: Row, most: int) -> dict[str, Any]:
    return {**row, "words": row["reason_code"].replace("_", " "), "share": 100 * row["films"] / most}


def _stages(run: RunRecord | None) -> list[StageView]:
    """Return the stages of a run, the slowest first, and last what no shard accounts for; none in older records."""
    pace = run.get("pace") if run else None
    if not pace or not pace["films"]:
        return []
    stages = by_duration(pace["stage_seconds"])
    rest = max(pace["seconds"] - sum(seconds for _, seconds in stages), 0.0)
    views = [
        StageView(name, seconds, 100 * seconds / pace["seconds"], pace["films"] / max(seconds, 1e-9), place == 0)
        for place, (name, seconds) in enumerate(stages)
    ]
    share = 100 * rest / pace["seconds"]
    return [*views, StageView("listing, loading the network, settling", rest, share, 0.0, False)]


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    config = HarvestConfig.model_validate(run["config"])
    spec = apply_overrides(BundleSpec.model_validate(run["bundle_spec"]), config)
    thresholds = {one.thresholds for one in spec.findings.values()}
    cut_at = ", ".join(f"{value:g}" for value in thresholds.pop()) if len(thresholds) == 1 else spec.threshold_source
    return [
        ("bundle", f"{run['bundle']} (digest {run['model_digest'][:16]})"),
        ("network", f"{spec.network.backbone}, {spec.network.iterations} iterations of attention mining"),
        ("which findings are boxed", f"gate: {config.gate.mode}; operating points: {spec.gate_source}"),
        ("boxes are cut at", cut_at),
        ("settings", run["config_fingerprint"]),
        ("computed on", run["engine"]),
        ("identifiers", config.identifiers),
        ("iam-harvest", run["version"]),
    ]


def _run(run: RunRecord) -> dict[str, Any]:
    pace = run.get("pace")
    rate = pace["films"] / pace["seconds"] if pace and pace["seconds"] else None
    return {**run, "films_per_second": rate, "archive": run["archive"][:24]}
