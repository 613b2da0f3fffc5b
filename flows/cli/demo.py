"""``iam-harvest demo``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Model


def demo(
    out: Annotated[Path, typer.Option(help="Directory for archive and lake.")] = Path("demo"),
    model: Model = "demo",
    films: Annotated[int, typer.Option(min=1, help="Films in the phantom archive.")] = 60,
) -> None:
    """Draw an archive of phantom chest films (PNG and DICOM) and harvest it as a Prefect flow.

    Example: iam-harvest demo --out demo
    """
    from flows.cli.harvesting import harvest_and_report
    from flows.demo import draw_archive, request_demo

    archive = draw_archive(out, films)
    harvest_and_report(request_demo(archive, model, out), dry_run=False, with_prefect=True, as_json=False)
