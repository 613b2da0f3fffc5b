"""``iam-harvest doctor``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AsJson
from flows.cli.render import show_checks


def doctor(
    lake: Annotated[Path, typer.Option(help="Where a lake would be written.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Look whether this machine can harvest: versions, decoders, device, space, permissions, Prefect.

    Example: iam-harvest doctor --lake LAKE
    """
    from flows.doctor import examine

    checks = examine(lake)
    show_checks(checks, as_json)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)
