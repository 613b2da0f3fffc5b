"""The Prefect flow of a harvest: plan, one task per shard, finish. Each step is a plain function of ``harvest``.

A task is a shard of up to 256 objects, never a film: a task costs milliseconds and rows in Prefect's database. Tasks
run one after the other, since the network uses every core; where others compute, too (Dask's workers, helpers in the
work pool), a task waits for its shard and commits it. What enters Prefect's database is paths of archive, bundle
and lake, settings and counts: no file name, no value of a header, no pixel.
"""

import atexit
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff
from prefect.utilities.annotations import quote

from flows.help_harvest import helpers_of
from flows.prefect_server import end_threads
from flows.run_board import RunBoard
from flows.service.lineage import told_as_lineage
from flows.service.watch import ServiceOptions, on_end
from harvest.config import HarvestConfig, RunnerConfig
from harvest.crew import crew
from harvest.errors import IamHarvestError
from harvest.lake_address import folder_to_write
from harvest.manifest import Shard
from harvest.open_run import Harvest
from harvest.pipeline import ShardSummary
from harvest.report.request import ReportRequest
from harvest.run import Observer, RunRequest, RunSummary, Session, open_session
from models.spec import Frozen

opened: ContextVar[tuple[Session, Observer | None] | None] = ContextVar("opened", default=None)
"""A session that this process opened before the flow, and who watches it: a flow's parameters are data only."""


class HarvestOptions(Frozen):
    """What a run may say beside archive, model and lake; see :class:`harvest.run.RunRequest`."""

    labels: Path | None = None
    site_key: Path | None = None
    limit: int | None = None
    archive_name: str | None = None
    root: str | None = None
    config: HarvestConfig = HarvestConfig()
    report: ReportRequest = ReportRequest()
    runner: RunnerConfig = RunnerConfig()

    @classmethod
    def of(cls, request: RunRequest) -> Self:
        """Return what a request says."""
        return cls(**{name: getattr(request, name) for name in cls.model_fields})


DEFAULTS = HarvestOptions()
BY_HAND = ServiceOptions()
T = TypeVar("T")


def is_transient(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed shard is worth another try: an error that the user must act on does not heal by itself."""
    return not isinstance(state.result(raise_on_failure=False), IamHarvestError)


@task(
    name="harvest-shard",
    task_run_name="{label}",
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=exponential_backoff(2),
    retry_condition_fn=is_transient,
)
def harvest_one(label: str, shard: Shard, harvest: Harvest) -> ShardSummary:
    """Harvest a shard; repeated, it replaces its own rows."""
    return harvest(shard)


@flow(
    name="harvest-archive",
    flow_run_name="harvest with {model}",
    on_completion=[on_end],
    on_failure=[on_end],
    on_crashed=[on_end],
)
def harvest_archive(
    archive: str, model: str, lake: Path | str, options: HarvestOptions = DEFAULTS, service: ServiceOptions = BY_HAND
) -> RunSummary:
    """Harvest what is new in an archive into a lake, and publish it.

    Args:
        archive: directory of films, packed archive, or list of paths.
        model: directory or name of a bundle.
        lake: directory, made if need be, or address in a bucket, of which each worker has its own working folder.
        options: label table, site key, limit, name of the archive, settings, what the report shows, who computes.
        service: hours in which shards may start, and who is told of the run.
    """
    request = RunRequest(archive, model, folder_to_write(str(lake)), **dict(options))
    with _session(request) as (session, watching):
        session.start()
        board = RunBoard(session)
        observers = [board, watching] if watching else [board]
        for observer in observers:
            observer.on_plan(session)
        with told_as_lineage(session, service.events), closing(_harvest(session, service)) as summaries:
            for summary in summaries:
                session.add(summary)
                for observer in observers:
                    observer.on_shard(summary)
            finished = session.finish()
        board.on_finish()
        return finished


@contextmanager
def _session(request: RunRequest) -> Iterator[tuple[Session, Observer | None]]:
    """Take the session that was opened for this flow, or open one."""
    if ready := opened.get():
        yield ready
    else:
        atexit.register(end_threads)  # a worker's process is this flow's alone
        with open_session(request) as session:
            yield session, None


def _harvest(session: Session, service: ServiceOptions) -> Generator[ShardSummary]:
    """Run a task per shard while the night lasts; the network is loaded when there is one."""
    shards = session.plan.shards
    if not shards or not service.is_open():
        return
    with helpers_of(session, service.helpers) as summon, crew(session, summon) as harvest:
        for number, shard in enumerate(shards, start=1):
            if not service.is_open():
                return
            label = f"shard {number}/{len(shards)}, {len(shard.objects)} films"
            yield harvest_one(label, unvisited(shard), unvisited(harvest))


def unvisited(value: T) -> T:
    """Pass a task's argument as it is; Prefect would else walk through all that it holds, looking for futures."""
    return cast(T, quote(value))
