"""What a service looks after while it runs: runs whose process is gone, and runs that stand still."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import TaskRunSort
from prefect.states import Crashed

from flows.dispensable import Dispensable
from flows.service.stock import GONE, is_written
from flows.service.watch import ServiceOptions, after_end, tell
from harvest.stages import duration

UNSEEN = "The service could not look after its runs (%s); it goes on."


class Rounds:
    """A look at the runs of a pool every now and then."""

    def __init__(self, pool: str, tag: str) -> None:
        """Take the pool, and what the service's own runs in it are tagged with."""
        self._pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
        state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
        self._running = FlowRunFilter(state=state, tags=FlowRunFilterTags(all_=[tag]))
        self._without_writer: set[UUID] = set()
        self._told: set[UUID] = set()
        self._server = Dispensable(UNSEEN)

    def look(self) -> None:
        """Look once; a server that does not answer is let be.

        A run whose lake nobody writes, now and the last time, has no process: it is called crashed. One that finished
        no shard for ``watch.stuck_after`` seconds is told of once, and goes on.
        """
        with self._server.asked(), get_client(sync_client=True) as client:
            runs = client.read_flow_runs(flow_run_filter=self._running, work_pool_filter=self._pool)
            crashed: State[Any] = Crashed(message=GONE)
            without = {run.id for run in runs if not is_written(str(run.parameters["lake"]))}
            for run in runs:
                if run.id in without & self._without_writer:
                    client.set_flow_run_state(run.id, crashed, force=True)
                    after_end(run, crashed)
                elif run.id not in without and "service" in run.parameters:  # helpers finish nothing by themselves
                    self._look_at_pace(client, run)
            self._without_writer = without

    def _look_at_pace(self, client: SyncPrefectClient, run: FlowRun) -> None:
        options, silence = _options(run), datetime.now(UTC) - _last_step(client, run)
        if silence > timedelta(seconds=options.stuck_after) and run.id not in self._told:
            self._told.add(run.id)
            tell(options, "stuck", f"No shard was finished for {duration(silence.total_seconds())}.", run)


def _options(run: FlowRun) -> ServiceOptions:
    return ServiceOptions.model_validate(run.parameters.get("service") or {})


def _last_step(client: SyncPrefectClient, run: FlowRun) -> datetime:
    """Return when a run finished a shard, else when it started."""
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    tasks = client.read_task_runs(flow_run_filter=of_run, sort=TaskRunSort.END_TIME_DESC)
    ends = [task.end_time for task in tasks if task.end_time]
    return max([*ends, run.start_time or datetime.now(UTC)])
