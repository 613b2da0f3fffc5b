"""Who is told how a run ended: Prometheus by a file, people by a command of theirs. Hooks of the flow's states."""

import json
import subprocess
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.logging import get_logger

from flows.service.metrics import rejected_share, write_metrics
from flows.service.night import Night
from flows.service.spec import WatchSpec
from flows.service.stock import skip_missed
from harvest.lake import Lake
from harvest.lake_address import folder_to_write
from harvest.run_record import read_records

COMMAND_SECONDS = 60


class ServiceOptions(Night, WatchSpec):
    """What a run by schedule knows beside its request; the defaults are those of a run by hand."""

    harvest: str = "by-hand"
    """Name of the harvest in the service's file."""
    helpers: str | None = None
    """Deployment whose runs help, for the runner ``pool``."""


def on_end(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Be a hook of the flow."""
    after_end(flow_run, state)


def after_end(run: FlowRun, state: State[Any]) -> None:
    """Write metrics, tell what went wrong, and drop the runs that were due while this one went on."""
    service = ServiceOptions.model_validate(run.parameters.get("service") or {})
    lake = folder_to_write(str(run.parameters["lake"]))
    outcome = str(state.name)
    try:
        if service.metrics:
            write_metrics(service.metrics, service.harvest, lake, outcome)
        if not state.is_completed():
            tell(service, outcome.lower(), str(state.message), run)
        elif share := _rejected_now(run, lake, service.rejected_above):
            tell(service, "many_rejected", f"{share:.0%} of the instances were rejected.", run)
        if run.deployment_id and run.auto_scheduled:
            skip_missed(run.deployment_id)
    except Exception:  # a hook that fails must not change how the run ended
        get_logger("iam-harvest").exception("What is to be done after a run could not be done.")


def tell(service: ServiceOptions, event: str, message: str, run: FlowRun) -> None:
    """Call the user's command with what happened; that it fails is logged."""
    get_logger("iam-harvest").warning("%s: %s: %s", service.harvest, event, message)
    if not service.command:
        return
    told = {"harvest": service.harvest, "event": event, "message": message, "run": run.name, "run_id": str(run.id)}
    subprocess.run(service.command, input=json.dumps(told) + "\n", text=True, timeout=COMMAND_SECONDS, check=True)


def _rejected_now(run: FlowRun, lake: Path, bound: float) -> float | None:
    """Return the share that was rejected if this run harvested something and it is above the bound."""
    for record in read_records(Lake(lake)):
        if run.start_time and str(record["finished_at"]) >= run.start_time.isoformat(timespec="seconds"):
            share = rejected_share(record)
            return share if share > bound else None
    return None
