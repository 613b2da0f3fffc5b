"""``iam-harvest explain``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson, Lake


def explain(
    lake: Lake,
    box: Annotated[str, typer.Argument(help="INSTANCE_KEY/FINDING/RANK; without rank: 1.", show_default=False)],
    picture: Annotated[Path | None, typer.Option(help="Draw film, maps of all iterations and box as PNG.")] = None,
    archive: Annotated[str | None, typer.Option(help="Where the films lie now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where a box comes from: film, decoding, maps, thresholds, model, training data, code.

    Example: iam-harvest explain lake 0123456789abcdef0123456789abcdef/Mass/1 --picture why.png --archive films
    """
    from flows.cli.explaining import explain_and_report

    explain_and_report(lake, box, (picture, archive), as_json)
