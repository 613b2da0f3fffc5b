"""The demonstration in Prefect's own pages: a server on loopback, a deployment, a worker and a run, until Ctrl-C."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from flows.prefect_server import ServerError, background, temporary_server
from harvest.bucket.home import address_of
from harvest.run import RunRequest

POOL = "harvest"
DEPLOYMENT = "demo"
LOOK_SECONDS = "2"
"""How often the worker looks for runs; Prefect's own 10 seconds are long before a screen."""
PICK_UP_SECONDS = 180.0


def show_demo(request: RunRequest, out: Path) -> None:
    """Let a worker harvest, say where to look, and keep server and worker until Ctrl-C.

    Raises:
        ServerError: the server did not start, or no worker takes the run up.
    """
    with temporary_server() as url:
        pages = url.removesuffix("/api")
        _say(f"Prefect's pages: {pages}")
        run_id = _start_run(request)
        with _worker(out / "worker.log"):
            _say(f"The run:         {pages}/runs/flow-run/{run_id}")
            _say(f"{_end_of(run_id, out / 'worker.log')}. The pages stay open until Ctrl-C.")
            _wait_for_interrupt()


def flow_parameters(request: RunRequest) -> dict[str, Any]:
    """Return the parameters with which a worker harvests what is asked for."""
    from flows.harvest_archive import HarvestOptions

    options = HarvestOptions.of(request).model_dump(mode="json")
    return {"archive": request.archive, "model": request.model, "lake": address_of(request.lake), "options": options}


def _start_run(request: RunRequest) -> UUID:
    """Deploy the flow to a pool of processes, and ask for one run; returns its id."""
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    from flows.harvest_archive import harvest_archive

    deployment = RunnerDeployment.from_flow(
        harvest_archive,
        DEPLOYMENT,
        parameters=flow_parameters(request),
        entrypoint_type=EntrypointType.MODULE_PATH,
        work_pool_name=POOL,
        job_variables={"working_dir": str(Path.cwd())},  # the paths of the request hold there
        description="Phantom films, harvested by a worker.",
    )
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        deployed = cast(UUID, deployment.apply())  # it is a coroutine only where an event loop runs
        return client.create_flow_run_from_deployment(deployed).id


@contextmanager
def _worker(log: Path) -> Iterator[None]:
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", LOOK_SECONDS)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    with background(command, log):
        yield


def _end_of(run_id: UUID, log: Path) -> str:
    """Wait for the end of a run and return the name of its last state."""
    from prefect import get_client

    deadline = time.monotonic() + PICK_UP_SECONDS
    with get_client(sync_client=True) as client:
        while True:
            run = client.read_flow_run(run_id)
            if run.state is not None and run.state.is_final():
                return str(run.state.name)
            if run.start_time is None and time.monotonic() > deadline:
                raise ServerError(f"No worker took the run up in {PICK_UP_SECONDS:g} s; see {log}.")
            time.sleep(0.5)


def _wait_for_interrupt() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        _say("Stopping worker and server.")


def _say(text: str) -> None:
    print(text, flush=True)
