"""``iam-harvest report``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Lake


def report(
    lake: Lake,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Show films also where identifiers are pseudonymized (burnt-in text!).")
    ] = False,
    films: Annotated[int, typer.Option(min=1, help="Films in the gallery.")] = 48,
    boxes: Annotated[Path | None, typer.Option(help="Box table (CSV): annotated boxes beside ours.")] = None,
    box_frame: Annotated[str, typer.Option(help="Its frame, WIDTHxHEIGHT; image: pixels of the film.")] = "1024x1024",
) -> None:
    """Make the report of a lake: charts and a gallery in LAKE/report, for any browser, without network.

    Example: iam-harvest report lake --boxes BBox_List.csv
    """
    from flows.cli.frames import parse_frame
    from harvest.lake import open_lake
    from harvest.report.request import BoxSource, ReportRequest
    from harvest.report.write import write_report

    source = None if boxes is None else BoxSource(boxes, parse_frame(box_frame))
    print(write_report(open_lake(lake), ReportRequest(films, gallery, source)))
