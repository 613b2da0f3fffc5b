"""``iam-harvest calibrate``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import READ, AsJson
from harvest.gates import Criterion


def calibrate(
    bundle: Annotated[str, typer.Argument(help="Bundle: a directory or a shipped name.", show_default=False)],
    lake: Annotated[
        Path,
        typer.Option(parser=READ, help="Lake that it harvested with --labels.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Directory of the new bundle.", show_default=False)],
    criterion: Annotated[
        Criterion, typer.Option(help="Best sensitivity + specificity, or best F1, over the films.")
    ] = "youden",
    as_json: AsJson = False,
) -> None:
    """Fit a bundle's operating points to your own films and labels; nothing is inferred again.

    Example: iam-harvest calibrate demo --lake lake --out our-bundle
    """
    from flows.cli.calibrating import calibrate_and_report

    calibrate_and_report(bundle, lake, out, criterion, as_json)
