"""What a service does about runs without a process, runs that stand still, and hours that went by, on a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Running, Scheduled

from flows.prefect_server import TemporaryEnvironment
from flows.service import rounds as module
from flows.service.rounds import Rounds
from flows.service.spec import ServiceSpec
from flows.service.stock import take_stock
from flows.serving.deployments import TAG, deploy
from flows.serving.serve import deploy_to_server
from harvest.lake import writing

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("prefect_server")]

SERVICE = """
[watch]
metrics = "metrics"
command = ["tee", "-a", "{told}"]
[harvests.ward]
archive = "films"
lake = "lake"
every = 3600
catch_up = {catch_up}
runner = {{kind = "pool"}}
"""
Read = Callable[[UUID], FlowRun]


def service(folder: Path, catch_up: bool = False) -> ServiceSpec:
    text = SERVICE.format(told=folder / "told.jsonl", catch_up=str(catch_up).lower())
    (folder / "service.toml").write_text(text)
    return ServiceSpec.from_toml(folder / "service.toml")


@pytest.fixture
def going(tmp_path: Path) -> FlowRun:
    """A run that Prefect calls running."""
    made = deploy(service(tmp_path), tmp_path)
    with get_client(sync_client=True) as client:
        return client.create_flow_run_from_deployment(made["ward"], state=Running())


@pytest.fixture
def read() -> Iterator[Read]:
    with get_client(sync_client=True) as client:
        yield client.read_flow_run


def told(folder: Path) -> list[tuple[str, str]]:
    path = folder / "told.jsonl"
    said = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(one["harvest"], one["event"]) for one in said]


def test_a_run_without_a_process_crashed_at_the_second_look(going: FlowRun, read: Read, tmp_path: Path) -> None:
    rounds = Rounds("harvest", TAG)
    rounds.look()
    assert read(going.id).state_name == "Running", "its process may just have started"
    rounds.look()
    assert read(going.id).state_name == "Crashed"
    assert told(tmp_path) == [("ward", "crashed")]
    assert 'outcome="Crashed"' in (tmp_path / "metrics" / "iam_harvest_ward.prom").read_text()


def test_a_run_that_stands_still_is_told_once(
    going: FlowRun, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = Rounds("harvest", TAG)
    with writing(tmp_path / "lake"):
        rounds.look()
        assert told(tmp_path) == []
        monkeypatch.setattr(module, "_last_step", lambda *_: datetime.now(UTC) - timedelta(hours=2))
        for _ in range(3):
            rounds.look()
    assert told(tmp_path) == [("ward", "stuck")]
    assert read(going.id).state_name == "Running"


@pytest.mark.parametrize("catch_up", [True, False])
def test_a_service_that_starts_closes_what_it_left_and_makes_up_for_what_it_missed(
    catch_up: bool, read: Read, tmp_path: Path
) -> None:
    spec = service(tmp_path, catch_up)
    deployment = deploy(spec, tmp_path)["ward"]
    with get_client(sync_client=True) as client:
        dead = client.create_flow_run_from_deployment(deployment, state=Running()).id
        hours = [Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=number)) for number in (1, 2)]
        missed = [client.create_flow_run_from_deployment(deployment, state=hour).id for hour in hours]
    begun = take_stock(deployment, spec.harvests["ward"])
    assert read(dead).state_name == "Crashed"
    assert [read(one).state_name for one in missed] == ["Skipped", "Skipped"]
    assert (begun is not None) is catch_up
    assert take_stock(deployment, spec.harvests["ward"]) is None or catch_up


def test_what_a_file_names_no_more_is_deployed_no_more(tmp_path: Path) -> None:
    def deployed() -> set[str]:
        with get_client(sync_client=True) as client:
            return {one.name for one in client.read_deployments()}

    deploy(service(tmp_path), tmp_path)
    assert deployed() == {"ward", "harvest"}, "the harvest, and the helpers of its pool"
    text = (tmp_path / "service.toml").read_text().replace("ward", "other").replace('runner = {kind = "pool"}', "")
    (tmp_path / "service.toml").write_text(text)
    deploy(ServiceSpec.from_toml(tmp_path / "service.toml"), tmp_path)
    assert deployed() == {"other"}


def test_a_service_without_a_schedule_is_deployed_and_waits_to_be_asked(
    tmp_path: Path, prefect_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service(tmp_path)
    text = (tmp_path / "service.toml").read_text().replace("every = 3600", "")
    (tmp_path / "service.toml").write_text(text)
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with TemporaryEnvironment():
        deploy_to_server(tmp_path / "service.toml")
    said = capsys.readouterr().out
    assert "ward: when asked for" in said
    assert "prefect worker start --type process --pool harvest" in said


def test_prefects_own_command_deploys_prefect_yaml(prefect_server: str, tmp_path: Path) -> None:
    deploy(service(tmp_path), tmp_path)  # makes the pool
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(
        command, cwd=root, env=os.environ | {"PREFECT_API_URL": prefect_server}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with get_client(sync_client=True) as client:
        assert client.read_deployment_by_name("harvest-archive/nightly").schedules[0].active
