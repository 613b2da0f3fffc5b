"""Let a service harvest by an interval schedule while its archive grows; say what each run harvested.

``python benchmarks/schedule.py --every 60 --runs 5`` prints a line of Markdown for docs/reliability.md and ends with
status 1 where a run in the row did not complete or harvested anything but the new films.
"""

import argparse
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trials import HEAD, command, draw, start, until

from flows.prefect_server import free_port
from harvest.lake import Lake
from harvest.run_record import read_records

SERVICE = """
[server]
port = {port}
[harvests.ward]
archive = "archive"
lake = "lake"
model = "{model}"
every = {every}
"""
FIRST = 6
MORE = 2


def grow(archive: Path, count: int) -> None:
    """Add so many films."""
    begin = len(list(archive.glob("*.png")))
    for number in range(begin, begin + count):
        draw(archive, number)


def records(lake: Path) -> list[dict[str, Any]]:
    """Return the lake's complete runs, in their order."""
    return [one for one in reversed(read_records(Lake(lake))) if one["status"] == "complete"]


def flow_runs(url: str) -> list[tuple[bool, str, float]]:
    """Return of each flow run that is over whether a schedule made it, its state, and its seconds; in their order."""
    from prefect import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        runs = client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_ASC)
    return [
        (run.auto_scheduled, str(run.state_name), run.total_run_time.total_seconds())
        for run in runs
        if run.state is not None and run.state.is_final()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--every", type=float, default=60)
    parser.add_argument("--runs", type=int, default=5, help="By schedule, after the first one of a new service.")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="iam-harvest-schedule-") as folder:
        place, port = Path(folder), free_port()
        grow(place / "archive", FIRST)
        (place / "service.toml").write_text(SERVICE.format(port=port, model=given.model, every=given.every))
        service = start(command("serve", "service.toml"), place / "log")
        try:
            for number in range(given.runs + 1):
                until(lambda number=number: service.poll() is not None or len(records(place / "lake")) > number, 600)
                assert service.poll() is None, (place / "log").read_text()[-3000:]
                grow(place / "archive", MORE)
            time.sleep(2)  # for the state of the last run to reach the server
            flown = flow_runs(f"http://127.0.0.1:{port}/api")
            films = [record["objects"] for record in records(place / "lake")][: given.runs + 1]
        finally:
            service.send_signal(signal.SIGTERM)
            ended = service.wait()
    print(HEAD)
    print(_line(given, flown, films))
    assert ended == 0
    assert films == [FIRST, *[MORE] * given.runs], films


def _line(given: argparse.Namespace, flown: list[tuple[bool, str, float]], films: list[int]) -> str:
    went = [seconds for scheduled, state, seconds in flown if scheduled and state == "Completed"]
    states = {state for _, state, _ in flown}
    assert states <= {"Completed", "Skipped"}, states
    assert len(went) >= given.runs, flown
    shown = ", ".join(map(str, films))
    return (
        f"| a schedule of {given.every:g} s, an archive that grows meanwhile | {len(went)} scheduled runs in a row "
        f"completed, {min(went):.0f} to {max(went):.0f} s each | they harvested {shown} films: what was new |"
    )


if __name__ == "__main__":
    main()
