"""``iam-harvest import``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson, ChangedLake


def import_(
    lake: ChangedLake,
    annotations: Annotated[Path, typer.Argument(help="COCO or Label Studio JSON, CVAT XML.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Take boxes that people drew or corrected into a lake, to evaluate against them.

    Example: iam-harvest import lake corrected.json
    """
    from flows.cli.exporting import import_and_report

    import_and_report(lake, annotations, as_json)
