"""``iam-harvest export``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson, Lake
from harvest.errors import SettingsError


def export(
    lake: Lake,
    format: Annotated[
        str,
        typer.Option(
            help="coco, nih-csv, yolo, label-studio, cvat, chexlocalize, dicom-sr, dicom-seg or png-overlay.",
            show_default=False,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="File or folder to write, by format.", show_default=False)] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Instead: PACS to store dicom-sr or dicom-seg in, under the films' own UIDs and patients."),
    ] = None,
    max_rank: Annotated[int, typer.Option(min=1, help="Of each film and finding the first so many boxes.")] = 10,
    archive: Annotated[str | None, typer.Option(help="Where the films of png-overlay lie now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the boxes of a lake in the format of another tool.

    Example: iam-harvest export lake --format coco --out boxes.json --max-rank 1
    """
    from flows.cli.exporting import export_and_report, store_and_report

    if (out is None) == (store is None):
        raise SettingsError("Say where to: either --out or --store.")
    if store is not None:
        store_and_report(lake, format, store, max_rank, as_json)
    if out is not None:
        export_and_report(lake, format, out, (max_rank, archive), as_json)
