"""What the commands print."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from flows.check import Check


def print_json(value: object) -> None:
    """Print a value as JSON on stdout; paths and times become text."""
    print(json.dumps(value, indent=2, default=str))


def show_checks(checks: Sequence[Check], as_json: bool) -> None:
    """Print what was seen as a green and red table."""
    if as_json:
        print_json([asdict(check) for check in checks])
        return
    table = Table("", "area", "what", "seen")
    for check in checks:
        mark = "[green]ok[/green]" if check.ok else "[red]FAIL[/red]"
        table.add_row(mark, check.area, check.name, check.detail, style=None if check.ok else "red")
    Console().print(table)
