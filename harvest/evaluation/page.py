"""The page of an evaluation: our figures beside published ones of the same protocol, in one self-contained file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.evaluation.overlays import ShownCase
from harvest.evaluation.published import MEAN, published_means, published_results
from harvest.pages import page_environment
from models.findings import BOXED_FINDINGS

OURS = "this evaluation"
FIGURE_NAMES = {
    "pointing_game": "pointing game",
    "first_box_iou": "IoU of the first box",
    "best_box_iou": "IoU of the best box",
    "auc": "AUC",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as text, and what stands small beneath it."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``kind`` is ours, count or published."""

    label: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading (a threshold T)."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All figures of one protocol and kind of overlap."""

    title: str
    definition: str
    groups: tuple[Group, ...]


def render_page(metrics: Mapping[str, Any], shown: Sequence[ShownCase] = ()) -> str:
    """Return the page as HTML; it needs no other file and no network.

    Args:
        metrics: the content of ``metrics.json``.
        shown: films with their boxes.
    """
    findings = tuple(metrics["findings"])
    return (
        page_environment()
        .get_template("evaluation.html")
        .render(
            title=f"Evaluation of {metrics['model']['name']}",
            facts=facts_of(metrics),
            findings=findings,
            comparable=findings == BOXED_FINDINGS,
            patients=metrics["patients"],
            bootstrap=metrics["bootstrap"],
            definitions=metrics["definitions"],
            tables=[*build_tables(metrics), _figure_table(metrics, findings)],
            shown=shown,
        )
    )


def facts_of(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was scored against what, in words."""
    films, model = metrics["films"], metrics["model"]
    return [
        ("model", f"{model['name']} (digest {model['digest'][:16]})"),
        ("settings", metrics["config_fingerprint"]),
        ("annotated boxes", f"{metrics['annotated_boxes']} on {films['scored']} films"),
        ("of these films rejected, their boxes missed", str(films["of_these_rejected"])),
        ("films of the box table outside the lake or split, not scored", str(films["annotated_but_not_in_scope"])),
        ("box table, SHA-256", metrics["box_table_sha256"]),
    ]


def build_tables(metrics: Mapping[str, Any]) -> list[Table]:
    """Return one table per protocol and kind of overlap, in the order of ``metrics``."""
    return [
        Table(
            title=f"{protocol}, T({overlap})",
            definition=metrics["definitions"][protocol],
            groups=tuple(_group(protocol, overlap, T, values) for T, values in by_threshold.items()),
        )
        for protocol, overlaps in metrics["protocols"].items()
        for overlap, by_threshold in overlaps.items()
    ]


def _group(protocol: str, overlap: str, threshold: str, values: Mapping[str, Any]) -> Group:
    findings = [name for name in values if name != MEAN]
    rows = [
        Row(f"Acc, {OURS}", "ours", tuple(_estimated(values[name], "accuracy") for name in [*findings, MEAN])),
        _afp_row("AFP per image of the finding", values, findings, "afp_per_image_of_finding"),
        _afp_row("AFP per annotated box", values, findings, "afp_per_annotated_box"),
        *_published_rows(protocol, overlap, float(threshold), findings),
    ]
    return Group(f"{protocol}, T({overlap}) = {threshold}", tuple(rows))


def _afp_row(label: str, values: Mapping[str, Any], findings: Sequence[str], column: str) -> Row:
    cells = []
    for name in findings:
        bound = values[name]["afp_bound"] if column == "afp_per_image_of_finding" else None
        cells.append(Cell(f"{values[name][column]:.3f}", "" if bound is None else f"bound {bound:.4f}"))
    return Row(label, "count", (*cells, Cell("")))


def _published_rows(protocol: str, overlap: str, threshold: float, findings: Sequence[str]) -> list[Row]:
    wanted: dict[str, dict[str, Cell]] = {}
    for row in published_results():
        if (row.protocol, row.overlap, row.threshold) == (protocol, overlap, threshold):
            note = "" if row.afp is None else f"AFP {row.afp}"
            wanted.setdefault(row.method, {})[row.finding] = Cell(f"{row.accuracy:.3f}", note)
    means = published_means(protocol, overlap)
    return [
        Row(
            f"Acc, {method}",
            "published",
            (*(cells.get(name, Cell("–")) for name in findings), Cell(f"{means[method][threshold]:.3f}")),
        )
        for method, cells in wanted.items()
    ]


def _figure_table(metrics: Mapping[str, Any], findings: Sequence[str]) -> Table:
    given = metrics["figures"]
    rows = tuple(
        Row(label, "ours", tuple(_estimated(given[name].get(finding), "value") for finding in [*findings, MEAN]))
        for name, label in FIGURE_NAMES.items()
        if name in given
    )
    definition = (
        "These belong to no protocol above; AUC is over all films with labels, its mean over all findings that have it"
    )
    return Table("Beside the protocols", definition, (Group("", rows),))


def _estimated(value: Mapping[str, float | None] | None, column: str) -> Cell:
    figure = None if value is None else value[column]
    if value is None or figure is None:
        return Cell("–")
    low, high = value["low"], value["high"]
    return Cell(f"{figure:.3f}", "" if low is None or high is None else f"[{low:.3f}, {high:.3f}]")
