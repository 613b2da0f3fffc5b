"""What ``iam-harvest stability`` does with its options."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.cli.render import print_json
from harvest.bucket.home import address_of
from harvest.questions import run_question
from harvest.stability import StabilityRequest, measure_stability

QUESTION = "stability_under_shifts"


def measure_and_report(lake: Path, request: StabilityRequest, as_json: bool) -> None:
    """Measure, and print the answer to the question about it."""
    summary = measure_stability(lake, request)
    rows = run_question(lake, QUESTION, {}).to_pylist()
    if as_json:
        print_json({"films": summary.films, "findings": rows})
        return
    table = Table(*(rows[0] if rows else ("finding",)))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
    print(f"{summary.films:,} films, each moved {request.pixels} pixels left, right, up and down.")
    print(f"Again:            iam-harvest sql {address_of(lake)} {QUESTION}")
    print(f"Into the report:  iam-harvest report {address_of(lake)}")
