"""``iam-harvest evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import READ, AsJson, WithPrefect


def evaluate(
    bundle: Annotated[str | None, typer.Argument(help="Bundle: a directory or a shipped name.")] = None,
    boxes: Annotated[Path | None, typer.Option(help="Box table (CSV); with --lake by default the last import.")] = None,
    images: Annotated[Path | None, typer.Option(help="Directory of the films.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Label table (CSV), matched by file stem.")] = None,
    lake: Annotated[
        Path | None,
        typer.Option(parser=READ, help="Score this lake; BUNDLE, if given, is its model."),
    ] = None,
    box_frame: Annotated[str, typer.Option(help="Box table's frame, WIDTHxHEIGHT; image: its pixels.")] = "1024x1024",
    split_column: Annotated[str | None, typer.Option(help="Column of the label table that names the split.")] = None,
    split: Annotated[str | None, typer.Option(help="Splits to score, separated by commas.")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for metrics.json and evaluation.html.")] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Leave out table rows that cannot be read.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    resamples: Annotated[int, typer.Option(min=1, help="Resamples of patients for the intervals.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the resamples.")] = 20180704,
    prefect: WithPrefect = False,
    as_json: AsJson = False,
) -> None:
    """Score harvested boxes against annotated ones, under the protocols of the literature by their names.

    Example: iam-harvest evaluate nih-mini --images films --labels labels.csv --boxes boxes.csv --out evaluation
    """
    from flows.cli.evaluating import EvaluationForm, report_evaluation, run_evaluation

    form = EvaluationForm(boxes, images, labels, box_frame, split_column, split, lenient, resamples, seed)
    report_evaluation(run_evaluation(form.request(lake), bundle, lake, device, prefect), out, as_json)
