"""``iam-harvest stability``."""

from typing import Annotated

import typer

from flows.cli.options import AsJson, ChangedLake, Model


def stability(
    lake: ChangedLake,
    model: Model,
    films: Annotated[int, typer.Option(min=1, help="Films to look at, a random pick.")] = 64,
    pixels: Annotated[int, typer.Option(min=1, help="Of the network's input, by which a film is moved.")] = 4,
    archive: Annotated[str | None, typer.Option(help="Where the films lie now, if they have moved.")] = None,
    as_json: AsJson = False,
) -> None:
    """Localize films of a lake again, moved by a few pixels: do their boxes follow?

    Example: iam-harvest stability lake --model demo
    """
    from flows.cli.stability_report import measure_and_report
    from harvest.stability import StabilityRequest

    measure_and_report(lake, StabilityRequest(model, films, pixels, archive), as_json)
