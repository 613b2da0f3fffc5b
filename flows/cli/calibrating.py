"""What ``iam-harvest calibrate`` does with its options."""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.cli.render import print_json
from harvest.calibration import Calibration, calibrate
from harvest.gates import Criterion, GateSearch


def calibrate_and_report(bundle: str, lake: Path, out: Path, criterion: Criterion, as_json: bool) -> None:
    """Calibrate, and print each finding's gate and share of films called before and after."""
    calibration = calibrate(lake, bundle, out, GateSearch(criterion=criterion))
    if as_json:
        print_json({"bundle": out} | asdict(calibration))
        return
    Console().print(_table(calibration))
    print(f"Bundle {out} written, digest {calibration.digest[:16]}.")


def _table(calibration: Calibration) -> Table:
    table = Table(title=f"{calibration.films:,} films with labels")
    for head in ("finding", "films with it", "gate before", "gate", "films called before", "films called"):
        table.add_column(head, justify="left" if head == "finding" else "right")
    for name, one in calibration.gates.items():
        shares = f"{one.called_before:.1%}", f"{one.called:.1%}"
        gates = f"{one.before:.3f}", f"{one.choice.gate:.3f}"
        table.add_row(name, f"{one.choice.positives:,}", *gates, *shares)
    return table
