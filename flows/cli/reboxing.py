"""What ``iam-harvest rebox`` does with its options."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.cli.render import print_json
from harvest.bucket.home import address_of
from harvest.config import checked, read_toml
from harvest.rebox import ReboxConfig, ReboxSummary, rebox


def rebox_settings(path: Path | None, gate: str | None, options: Mapping[str, object]) -> ReboxConfig:
    """Return the settings of a file (or none) with options laid over them; None leaves the file's value.

    Raises:
        SettingsError: the file or an option is not valid.
    """
    values = (read_toml(ReboxConfig, path) if path else ReboxConfig()).model_dump()
    values["boxes"] |= {name: value for name, value in options.items() if value is not None}
    if isinstance(values["boxes"]["thresholds"], str):
        values["boxes"]["thresholds"] = values["boxes"]["thresholds"].split(",")
    if gate is not None:
        values["gate"] = {"mode": gate}
    return checked(ReboxConfig, values)


def rebox_and_report(lake: Path, out: Path, settings: ReboxConfig, as_json: bool) -> None:
    """Rebox, and print how many boxes each finding had and has."""
    summary = rebox(lake, out, settings)
    if as_json:
        print_json(
            {"lake": address_of(out), "record": summary.record, "before": summary.before, "after": summary.after}
        )
        return
    Console().print(_table(summary))
    print(f"Written: {address_of(out)}")


def _table(summary: ReboxSummary) -> Table:
    table = Table("finding", "boxes before", "boxes after")
    for finding in sorted(summary.before | summary.after):
        table.add_row(finding, f"{summary.before[finding]:,}", f"{summary.after[finding]:,}")
    table.add_row("all", f"{summary.before.total():,}", f"{summary.after.total():,}")
    return table
