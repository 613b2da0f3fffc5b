"""``iam-harvest train``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import WithPrefect


def train(
    images: Annotated[Path, typer.Option(help="Directory of films.", show_default=False)],
    labels: Annotated[Path, typer.Option(help="Label table (CSV), matched by file stem.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Directory of the new bundle.", show_default=False)],
    split_column: Annotated[str | None, typer.Option(help="Column of the label table that says the split.")] = None,
    split: Annotated[str | None, typer.Option(help="Its values to train on, separated by commas.")] = None,
    init: Annotated[str | None, typer.Option(help="Initial weights: random, package, download, or a file.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings (TOML); options of this line go before it.")] = None,
    preset: Annotated[str | None, typer.Option(help="Settings to start from: paper, small or demo.")] = None,
    mine: Annotated[
        str | None,
        typer.Option(help="Films to mine: box table, or column of the label table; default: films with a finding."),
    ] = None,
    base: Annotated[Path | None, typer.Option(help="Weights of a trained base network; only mining follows.")] = None,
    work: Annotated[Path | None, typer.Option(help="Directory of checkpoints; default: OUT.work.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    lenient: Annotated[bool, typer.Option("--lenient", help="Leave out table rows that cannot be read.")] = False,
    prefect: WithPrefect = False,
) -> None:
    """Train a bundle from films and a label table; repeated after an interruption, it goes on where it stopped.

    Example: iam-harvest train --images films --labels labels.csv --out my-bundle --preset small --init package
    """
    from flows.training import TrainForm, run_training

    splits = tuple(split.split(",")) if split else ()
    form = TrainForm(images, labels, out, split_column, splits, mine, lenient, work, base, device)
    run_training(form, form.settings(config, preset, init), prefect)
