"""``iam-harvest verify``."""

import typer

from flows.check import Check
from flows.cli.options import AsJson, Lake
from flows.cli.render import show_checks


def verify(lake: Lake, as_json: AsJson = False) -> None:
    """Check a lake against its own rules, and its snapshot against its part files; nothing is changed.

    Example: iam-harvest verify lake
    """
    from harvest.verify import verify as examine

    checks = [Check("lake", result.name, result.passed, result.detail) for result in examine(lake)]
    show_checks(checks, as_json)
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)
