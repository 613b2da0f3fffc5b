"""Runs that Prefect believes in and that are not: of processes that are gone, and of hours that went by."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Crashed

from flows.service.night import Night
from flows.service.spec import HarvestSpec
from harvest.bucket.home import home_of_address, is_address
from harvest.errors import LakeLockedError
from harvest.lake_address import folder_to_write
from harvest.writer import only_writer

GOING = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
GONE = "The process of this run is gone: the service or its machine was stopped. The next run goes on with it."
STARTED = FlowRunFilter(start_time=FlowRunFilterStartTime(is_null_=False))
MISSED = "Nothing ran when this was due; one run makes up for all that was missed."


def take_stock(deployment_id: UUID, harvest: HarvestSpec) -> UUID | None:
    """Close what a service that ended without notice left behind, and make up for what was missed.

    Called before a worker is started: what Prefect calls running, and nobody writes its lake, is a run without process.

    Returns:
        Id of the run that makes up for the missed ones, None where there is none.
    """
    with get_client(sync_client=True) as client:
        going = _runs(client, deployment_id, FlowRunFilter(state=_of_type(*GOING)))
        dead = [run for run in going if not is_written(harvest.lake)]
        for run in dead:
            client.set_flow_run_state(run.id, Crashed(message=GONE), force=True)
        due = _skip(client, deployment_id) or dead or not _runs(client, deployment_id, STARTED)
        if harvest.catch_up and due and Night(window=harvest.window, timezone=harvest.timezone).is_open():
            return client.create_flow_run_from_deployment(deployment_id).id
    return None


def skip_missed(deployment_id: UUID) -> int:
    """Cancel the scheduled runs of a deployment whose time has passed; return how many."""
    with get_client(sync_client=True) as client:
        return len(_skip(client, deployment_id))


def is_written(lake: Path | str) -> bool:
    """Tell whether a process writes to a lake now, here or on a machine that gives signs of life."""
    folder = folder_to_write(str(lake))
    if is_address(str(lake)) and _is_written_elsewhere(str(lake)):
        return True
    if not (folder / "private").is_dir():
        return False
    try:
        with only_writer(folder / "private"):
            return False
    except LakeLockedError:
        return True


def _is_written_elsewhere(url: str) -> bool:
    from harvest.bucket.lease import breathes_elsewhere
    from harvest.bucket.store import Bucket

    home = home_of_address(url)
    return breathes_elsewhere(Bucket(home.url), home.mark)


def _skip(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    due = FlowRunFilterExpectedStartTime(before_=datetime.now(UTC))
    late = _runs(client, deployment_id, FlowRunFilter(state=_of_type(StateType.SCHEDULED), expected_start_time=due))
    for run in late:
        client.set_flow_run_state(run.id, Cancelled(name="Skipped", message=MISSED), force=True)
    return late


def _of_type(*types: StateType) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))


def _runs(client: SyncPrefectClient, deployment_id: UUID, which: FlowRunFilter) -> list[FlowRun]:
    ours = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    return client.read_flow_runs(deployment_filter=ours, flow_run_filter=which)
