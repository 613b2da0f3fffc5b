"""What ``run`` and ``demo`` do and print: a plan, or a harvest and what came of it."""

import shlex
import shutil
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flows.cli.render import print_json
from flows.execute import execute
from flows.terminal import Terminal
from harvest.bucket.home import address_of, home_of
from harvest.estimate import estimate
from harvest.lake import SNAPSHOT
from harvest.report.request import PAGE
from harvest.run import RunRequest, RunSummary, open_session
from harvest.stages import duration

QUESTION = "boxes_per_finding"
"""The question that a finished run proposes."""


def harvest_and_report(request: RunRequest, dry_run: bool, with_prefect: bool, as_json: bool) -> None:
    """Harvest, or only plan, and print what came of it."""
    if dry_run:
        report = plan(request)
        print_json(report) if as_json else print(describe_plan(report))
        return
    started = time.monotonic()
    with Terminal() as terminal:
        summary = execute(request, with_prefect, terminal)
    seconds = time.monotonic() - started
    if as_json:
        print_json(as_values(summary, seconds))
    else:
        print(describe_run(summary, request, seconds))


def plan(request: RunRequest) -> dict[str, Any]:
    """Return what a run would do and how long it would take; a lake that does not exist yet is not made."""
    with TemporaryDirectory() as nowhere:
        lake = Path(nowhere) / "lake" if _is_new(request.lake) and not home_of(request.lake) else request.lake
        with open_session(replace(request, lake=lake)) as session:
            found, measured = session.plan, estimate(session)
            return {
                "objects": len(found.listed),
                "new": found.new,
                "changed": found.changed,
                "shards": len(found.shards),
                "engine": session.engine,
                "model": session.spec.name,
                "lake": address_of(request.lake),
                "measured_films": measured.films if measured else 0,
                "films_per_second": round(measured.rate, 2) if measured else None,
                "seconds": round(measured.seconds, 1) if measured else 0.0,
            }


def _is_new(lake: Path) -> bool:
    return not lake.exists() or (lake.is_dir() and not any(lake.iterdir()))


def describe_plan(report: dict[str, Any]) -> str:
    """Say what a run would do."""
    listed = f"{report['objects']:,} films listed: {report['new']:,} new, {report['changed']:,} changed."
    if not report["shards"]:
        return f"{listed} A run would find nothing to do."
    shards = f"{report['shards']:,} {'shard' if report['shards'] == 1 else 'shards'}"
    return (
        f"{listed} A run would harvest them in {shards} with {report['model']} on "
        f"{report['engine']} into {report['lake']}, in about {duration(report['seconds'])} "
        f"({report['films_per_second']:.1f} films/s, measured on {report['measured_films']} of them)."
    )


def as_values(summary: RunSummary, seconds: float) -> dict[str, Any]:
    """Return a run's outcome as plain values."""
    return {
        "lake": address_of(summary.lake),
        "objects": summary.objects,
        "harvested": summary.harvested,
        "states": summary.states,
        "reasons": summary.reasons,
        "findings": summary.findings,
        "stage_seconds": summary.seconds,
        "seconds": round(seconds, 3),
        "record": summary.record,
    }


def describe_run(summary: RunSummary, request: RunRequest, seconds: float) -> str:
    """Say what a run did: counts by state, places, a question to ask, and one line to quote."""
    lake = summary.lake
    boxes = f"{summary.findings.total():,}"
    rows = [(state, f"{summary.states[state]:,}") for state in ("localized", "no_finding", "rejected")]
    rows[2] = ("rejected", rows[2][1] + _details(summary.reasons))
    rows += [
        ("boxes", boxes + _details(summary.findings)),
        ("report", str(lake / PAGE)),
        ("tables", str(lake / SNAPSHOT)),
        ("parts", f"{lake}/{{instances,predictions,attention,boxes,rejections}}/part-*.parquet"),
        ("ask", shlex.join([*own_command(), "sql", address_of(lake), QUESTION])),
    ]
    lines = [f"  {name:<11} {value}" for name, value in rows] if summary.harvested else []
    return "\n".join([*lines, _last_line(summary, request, seconds)])


def own_command() -> list[str]:
    """Return how this program was called, so that a printed command works when pasted."""
    called = Path(sys.argv[0])
    if called.stem == "__main__":
        return [sys.executable, "-m", "flows"]
    return [called.name if shutil.which(called.name) else str(called)]


def _last_line(summary: RunSummary, request: RunRequest, seconds: float) -> str:
    if not summary.harvested:
        return f"Nothing new: {summary.objects:,} films listed, all harvested before ({duration(seconds)})."
    busy = sum(summary.seconds.values())
    each = " in each worker" if request.runner.kind == "dask" else ""
    pace = f"{duration(seconds)} ({summary.harvested / busy:.1f} films/s{each} once the network was loaded)"
    run_id = summary.record["run_id"] if summary.record else ""
    return (
        f"Harvested {summary.harvested:,} of {summary.objects:,} films with {request.model} in {pace}: "
        f"{summary.findings.total():,} boxes on {summary.states['localized']:,} films, "
        f"{summary.states['rejected']:,} rejected. Run {run_id}."
    )


def _details(counts: Counter[str]) -> str:
    parts = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    return f"  ({parts})" if parts else ""
