"""An evaluation in the terminal: one table per protocol, ours above, published means of the same protocol below."""

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from harvest.evaluation.page import FIGURE_NAMES
from harvest.evaluation.published import MEAN, published_means

WIDTH = 120
"""Characters of a line in a file."""
NAME_WIDTH = 18
"""Of the longest finding: in a narrow terminal numbers wrap, names stay readable."""


def show_evaluation(metrics: Mapping[str, Any], console: Console | None = None) -> None:
    """Print every figure with the protocol that it belongs to."""
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    for protocol, overlaps in metrics["protocols"].items():
        for overlap, by_threshold in overlaps.items():
            console.print(_protocol_table(protocol, overlap, by_threshold))
            console.print(f"[dim]{metrics['definitions'][protocol]}[/dim]\n")
    console.print(_figure_table(metrics))
    films = metrics["films"]
    console.print(
        f"{metrics['annotated_boxes']} annotated boxes on {films['scored']} films of {metrics['patients']} patients; "
        f"{films['of_these_rejected']} films rejected (their boxes count as missed), "
        f"{films['annotated_but_not_in_scope']} annotated films not in scope. Intervals: 95 %, over patients."
    )


def _protocol_table(protocol: str, overlap: str, by_threshold: Mapping[str, Any]) -> Table:
    table = Table(
        Column("Acc", min_width=NAME_WIDTH), *by_threshold, title=f"{protocol}, T({overlap})", title_justify="left"
    )
    findings = [name for name in next(iter(by_threshold.values())) if name != MEAN]
    for name in findings:
        table.add_row(name, *(f"{values[name]['accuracy']:.3f}" for values in by_threshold.values()))
    table.add_section()
    for label, column in (
        ("image of the finding", "afp_per_image_of_finding"),
        ("annotated box", "afp_per_annotated_box"),
    ):
        means = (sum(values[name][column] for name in findings) / len(findings) for values in by_threshold.values())
        table.add_row(f"mean AFP per {label}", *(f"{value:.3f}" for value in means), style="dim")
    estimates = (_text(values[MEAN], "accuracy") for values in by_threshold.values())
    table.add_row(f"mean of {len(findings)}", *estimates, style="bold")
    table.add_section()
    for method, means_by_threshold in published_means(protocol, overlap).items():
        published = (means_by_threshold.get(float(threshold)) for threshold in by_threshold)
        table.add_row(method, *("" if value is None else f"{value:.3f}" for value in published))
    return table


def _figure_table(metrics: Mapping[str, Any]) -> Table:
    figures = metrics["figures"]
    names = [name for name in FIGURE_NAMES if name in figures]
    table = Table(
        Column(min_width=NAME_WIDTH),
        *(FIGURE_NAMES[name] for name in names),
        title="Beside the protocols",
        title_justify="left",
    )
    findings = dict.fromkeys(finding for name in names for finding in figures[name] if finding != MEAN)
    for finding in (*findings, MEAN):
        cells = (_text(figures[name].get(finding), "value") for name in names)
        table.add_row(finding, *cells, style="bold" if finding == MEAN else None)
    return table


def _text(estimate: Mapping[str, float | None] | None, column: str) -> str:
    value = None if estimate is None else estimate[column]
    if estimate is None or value is None:
        return "–"
    low, high = estimate["low"], estimate["high"]
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f}\n{low:.2f}–{high:.2f}"
