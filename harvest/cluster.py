"""A run on a Dask cluster: its workers compute shards, this process commits them, in the plan's order.

Plain ``distributed`` rather than prefect-dask: one path serves runs with and without Prefect, workers need not reach
Prefect's server, and the lake keeps its one writer. A worker that dies costs its shards another try on the others.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harvest.errors import IamHarvestError, WorkerError
from harvest.manifest import Shard
from harvest.open_run import Harvest, OpenRun
from harvest.pipeline import ComputedShard, commit_shard
from harvest.stages import duration
from harvest.worker import Job, compute, describe, read_passport

if TYPE_CHECKING:
    from distributed import Client, Future

START_S = 60.0
"""Longest wait for a cluster, and for its first worker."""
LOOK_S = 5.0
DESERTED_S = 300.0
"""How long a run waits for a worker when there is none left."""
DEFAULT_WORKERS = 2
SAME_COMMAND = "The same command takes the work up where it stopped"
SHARDS_PER_WORKER = 2
"""Under way or waiting to be committed, so that no worker waits for another, and memory stays bounded."""


@contextmanager
def harvest_on_cluster(run: OpenRun) -> Iterator[Harvest]:
    """Yield what has a shard computed by a worker and commits it; workers are some shards ahead of it.

    Raises:
        WorkerError: no cluster, no worker, or one that would give other rows.
    """
    runner = run.request.runner
    with _cluster(runner.address, runner.workers) as client:
        workers = _count_workers(client)
        job = describe(run, workers)
        _require_equal_workers(client, job)
        ahead = Ahead(client, job, run.plan.shards, SHARDS_PER_WORKER * workers)
        try:
            yield lambda shard: commit_shard(ahead.computed(shard), run.lake, run.keys.config_fingerprint)
        finally:
            ahead.cancel()


class Ahead:
    """Shards on their way through the workers, the plan's next ones, a bounded number."""

    def __init__(self, client: "Client", job: Job, shards: tuple[Shard, ...], most: int) -> None:
        self._client, self._job, self._most = client, job, most
        self._upcoming = iter(shards)
        self._futures: dict[str, Future[ComputedShard]] = {}

    def computed(self, shard: Shard) -> ComputedShard:
        """Wait for a shard; asked again after it failed, it is computed anew.

        Raises:
            WorkerError: the cluster is gone, or the shard killed one worker after the other.
        """
        self._fill()
        if shard.shard_id not in self._futures:
            self._submit(shard)
        future = self._futures.pop(shard.shard_id)
        self._fill()
        return self._result(future)

    def cancel(self) -> None:
        """Give up what is under way."""
        if self._futures and self._client.status == "running":
            self._client.cancel(list(self._futures.values()))
        self._futures.clear()

    def _fill(self) -> None:
        while len(self._futures) < self._most and (shard := next(self._upcoming, None)):
            self._submit(shard)

    def _submit(self, shard: Shard) -> None:
        key = f"shard-{shard.shard_id}-{secrets.token_hex(4)}"
        self._futures[shard.shard_id] = self._client.submit(compute, shard, self._job, key=key, pure=False)

    def _result(self, future: "Future[ComputedShard]") -> ComputedShard:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return self._wait(future)
        except KilledWorker:
            raise WorkerError(
                "A shard's worker died, and so did the next ones that tried it; look at their logs and memory. "
                f"{SAME_COMMAND}, also with --runner local."
            ) from None
        except (CancelledError, CommClosedError):
            raise WorkerError(f"The Dask scheduler is gone; start it and its workers again. {SAME_COMMAND}.") from None

    def _wait(self, future: "Future[ComputedShard]") -> ComputedShard:
        deserted = 0.0
        while True:
            try:
                return future.result(timeout=LOOK_S)
            except TimeoutError:
                if future.done():  # in the meantime; or the error is the shard's own, and is raised again
                    return future.result()
                deserted = 0.0 if self._client.nthreads() else deserted + LOOK_S
                if deserted >= DESERTED_S:
                    raise WorkerError(
                        f"The cluster had no worker for {duration(DESERTED_S)}; start some. {SAME_COMMAND}."
                    ) from None


@contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator["Client"]:
    """Connect to a cluster; without an address, to one of this machine's own processes that ends with the block."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise WorkerError("Dask is not installed: pip install 'iam-harvest[dask]', or use --runner local.") from error
    with ExitStack() as stack:
        if address is None:
            place = stack.enter_context(TemporaryDirectory(prefix="iam-harvest-dask-"))
            local: dict[str, Any] = {"processes": True, "threads_per_worker": 1, "host": "127.0.0.1"}
            quiet: dict[str, Any] = {"dashboard_address": None, "silence_logs": logging.ERROR}
            # Without a limit on memory workers never write to disk: rows hold what only ``private/`` may.
            cluster = LocalCluster(
                n_workers=workers or DEFAULT_WORKERS, memory_limit=0, local_directory=place, **local, **quiet
            )
            address = stack.enter_context(cluster).scheduler_address
        try:
            client = stack.enter_context(Client(address, timeout=START_S, set_as_default=False))
            client.wait_for_workers(1, timeout=START_S)
        except (OSError, ValueError) as error:
            raise WorkerError(
                f"No Dask cluster with a worker at {address} ({error}); start 'dask scheduler' and 'dask worker', or "
                "leave --address out for workers on this machine."
            ) from error
        yield client


def _count_workers(client: "Client") -> int:
    return len(client.nthreads())


def _require_equal_workers(client: "Client", job: Job) -> None:
    """Ask every worker what it is; those that come later are asked with their first shard."""
    answers: dict[str, Any] = client.run(read_passport, job.model, job.config.engine, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, IamHarvestError):
            raise WorkerError(f"The worker {worker} cannot take part: {answer}")
        if isinstance(answer, Exception):
            raise WorkerError(
                f"The worker {worker} cannot take part ({type(answer).__name__}: {answer}); install this version of "
                "iam-harvest there, and restart it."
            )
        job.passport.require(answer, f"The worker {worker}")
