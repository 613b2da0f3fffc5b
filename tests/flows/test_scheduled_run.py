"""A scheduled run of a deployment completes on a real Prefect server.

The one test that sees the traps of dependency versions: with a wrong one the server starts and no run ever comes.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

SERVE = """
import sys
from datetime import timedelta
from prefect.types.entrypoint import EntrypointType
from flows.harvest_archive import harvest_archive

archive, model, lake = sys.argv[1:]
harvest_archive.serve(
    name="nightly",
    interval=timedelta(seconds=5),
    parameters={"archive": archive, "model": model, "lake": lake},
    entrypoint_type=EntrypointType.MODULE_PATH,
    limit=1,
)
"""


def test_a_scheduled_run_completes(small_archive: Path, tiny_bundle_path: Path, tmp_path: Path) -> None:
    from prefect import get_client

    from flows.prefect_server import temporary_server

    lake = tmp_path / "lake"
    with temporary_server(), (tmp_path / "served.log").open("wb") as log:
        served = subprocess.Popen(
            [sys.executable, "-c", SERVE, small_archive, tiny_bundle_path, lake],
            env=os.environ | {"PREFECT_RUNNER_POLL_FREQUENCY": "2"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            with get_client(sync_client=True) as client:
                run = await_completed_run(client, served)
                said = end_of_a_run(client, run.deployment_id)
        finally:
            served.terminate()
            served.wait(timeout=30)
    assert run.auto_scheduled
    assert "films" in run.name
    assert (lake / "harvest.duckdb").is_file()
    assert "leaked" not in said


def end_of_a_run(client: object, deployment: object) -> str:
    """Run the deployment as a worker does, in a process that ends with the run, and return what that prints."""
    from prefect.states import Pending

    run = client.create_flow_run_from_deployment(deployment, state=Pending())
    environment = os.environ | {"PREFECT__FLOW_RUN_ID": str(run.id)}
    command = [sys.executable, "-m", "prefect.engine"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert client.read_flow_run(run.id).state_name == "Completed", done
    return done.stdout + done.stderr


def await_completed_run(client: object, served: "subprocess.Popen[bytes]") -> object:
    while served.poll() is None:
        for run in client.read_flow_runs():
            assert run.state_name not in {"Failed", "Crashed"}, run.state
            if run.state_name == "Completed":
                return run
        time.sleep(0.5)
    pytest.fail("the process that serves the deployment ended")
