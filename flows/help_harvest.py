"""Help for a harvest that is under way: a run of its work pool that computes shards, which the harvest's run commits.

Its parameters are the lake and the name of the shared work; what is to be done lies in the lake's ``private/``.
"""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from uuid import UUID

from prefect import flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.states import Cancelled

from flows.dispensable import Dispensable
from flows.prefect_server import end_threads
from harvest.open_run import OpenRun, Summon
from harvest.shared_work import DEFAULT_WORKERS, help_out

ALONE = "The work pool was not asked for help (%s); the harvest goes on alone."
LEFT = "Helpers that no worker has taken up were not taken back (%s); they will find nothing to do."
RETRIES = 2
"""A busy server refuses now and then; one that is gone costs seconds."""
NEEDLESS = "The harvest ended before a worker took this up."


@flow(name="help-harvest", flow_run_name="help for {lake}", retries=2, retry_delay_seconds=10)
def help_harvest(lake: Path, work: str) -> int:
    """Compute shards of a harvest until none is left; return how many.

    Args:
        lake: whose writer asked for help.
        work: name of the shared work in it.
    """
    atexit.register(end_threads)  # a worker's process is this flow's alone
    shards = help_out(lake, work)
    get_run_logger().info("Computed %d shards.", shards)
    return shards


@contextmanager
def helpers_of(run: OpenRun, deployment: str | None) -> Iterator[Summon | None]:
    """Yield what asks a work pool for help with a run; helpers that did not begin by the end are taken back.

    Args:
        run: with the runner ``pool``; another one gets no help.
        deployment: of ``help_harvest``, FLOW/NAME; None: there is none.
    """
    if deployment is None or run.request.runner.kind != "pool":
        yield None
        return
    count = (run.request.runner.workers or DEFAULT_WORKERS) - 1
    asked: list[UUID] = []

    def summon(work: str) -> None:
        parameters = {"lake": str(run.lake.root.absolute()), "work": work}
        with Dispensable(ALONE).asked(RETRIES):
            for _ in range(count):
                helper = cast(FlowRun, run_deployment(deployment, parameters=parameters, timeout=0))
                asked.append(helper.id)  # it is a coroutine only where an event loop runs

    try:
        yield summon
    finally:
        with Dispensable(LEFT).asked(RETRIES):
            _take_back(asked)


def _take_back(runs: list[UUID]) -> None:
    with get_client(sync_client=True) as client:
        for run_id in runs:
            state = client.read_flow_run(run_id).state
            if state is not None and state.is_scheduled():
                client.set_flow_run_state(run_id, Cancelled(name="Needless", message=NEEDLESS), force=True)
