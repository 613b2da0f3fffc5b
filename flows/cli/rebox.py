"""``iam-harvest rebox``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson, Lake, Out
from harvest.config import GateMode
from models.spec import Merge, RankBy


def rebox(
    lake: Lake,
    out: Out,
    config: Annotated[
        Path | None, typer.Option(help="Settings (TOML) with any of [gate], [boxes] and [findings.NAME].")
    ] = None,
    thresholds: Annotated[str | None, typer.Option(help="Of all findings, separated by commas: 0.35,0.5.")] = None,
    merge: Annotated[Merge | None, typer.Option(help="How the iterations are merged.")] = None,
    gate: Annotated[GateMode | None, typer.Option(help="Which findings are boxed.")] = None,
    rank_by: Annotated[RankBy | None, typer.Option(help="Order of the boxes of a film and finding.")] = None,
    max_boxes: Annotated[int | None, typer.Option(min=1, max=10, help="Boxes per film and finding.")] = None,
    as_json: AsJson = False,
) -> None:
    """Cut the boxes of a lake again from its stored maps, into another lake: no network and no archive is needed.

    Example: iam-harvest rebox lake --out lake2 --thresholds 0.4,0.6 --merge raw
    """
    from flows.cli.reboxing import rebox_and_report, rebox_settings

    options = {"thresholds": thresholds, "merge": merge, "rank_by": rank_by, "max_boxes": max_boxes}
    rebox_and_report(lake, out, rebox_settings(config, gate, options), as_json)
