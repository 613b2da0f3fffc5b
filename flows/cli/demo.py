"""``iam-harvest demo``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Model


def demo(
    out: Annotated[Path, typer.Option(help="Directory for archive and lake.")] = Path("demo"),
    model: Model = "demo",
    films: Annotated[int, typer.Option(min=1, help="Films in the phantom archive.")] = 60,
    ui: Annotated[
        bool, typer.Option("--ui", help="Let a Prefect worker do it, and keep Prefect's pages open to look at.")
    ] = False,
) -> None:
    """Draw an archive of phantom chest films (PNG and DICOM) and harvest it as a Prefect flow.

    Example: iam-harvest demo --out demo

    Example: iam-harvest demo --out demo --ui
    """
    from flows.cli.harvesting import harvest_and_report
    from flows.demo import draw_archive, request_demo
    from flows.demo_ui import show_demo

    request = request_demo(draw_archive(out, films), model, out)
    if ui:
        return show_demo(request, out)
    harvest_and_report(request, dry_run=False, with_prefect=True, as_json=False)
