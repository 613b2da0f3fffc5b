"""The Prefect flow: names and artifacts that a person can follow, retries, and a failure that publishes nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client

from flows import harvest_archive as module
from flows.execute import execute
from flows.terminal import Terminal
from harvest.config import HarvestConfig, RunnerConfig, StorageConfig
from harvest.errors import SettingsError
from harvest.pipeline import harvest_shard
from harvest.run import RunRequest, RunSummary, run_harvest

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("prefect_server")]

SHARDS = 3


@pytest.fixture
def request_(small_archive: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    settings = HarvestConfig(storage=StorageConfig(shard_size=4))
    return RunRequest(str(small_archive), str(tiny_bundle_path), tmp_path / "lake", config=settings)


@pytest.fixture
def harvest_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Put something in the place of ``harvest_shard``, and let retries come at once."""

    def put(function: Callable[..., Any]) -> None:
        monkeypatch.setattr("harvest.pipeline.harvest_shard", function)
        monkeypatch.setattr(module, "harvest_one", module.harvest_one.with_options(retry_delay_seconds=0))

    return put


def run_flow(request: RunRequest) -> RunSummary:
    with Terminal() as terminal:
        return execute(request, True, terminal)


def everything_in_prefect() -> str:
    with get_client(sync_client=True) as client:
        kinds = (client.read_flow_runs(), client.read_task_runs(), client.read_logs(), client.read_artifacts())
        return json.dumps([item.model_dump(mode="json") for kind in kinds for item in kind])


def test_a_flow_does_what_a_run_in_process_does(request_: RunRequest, tmp_path: Path) -> None:
    flown, plain = run_flow(request_), run_harvest(replace(request_, lake=tmp_path / "plain"))
    assert (flown.states, flown.reasons, flown.findings) == (plain.states, plain.reasons, plain.findings)
    assert flown.harvested == 11
    seen = everything_in_prefect()
    assert "11 films" in seen
    assert "harvest-rejections" in seen
    assert "patient-" not in seen
    assert "broken.dcm" not in seen


def test_a_flows_shards_may_be_computed_by_dask_workers(request_: RunRequest, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed (pip install 'iam-harvest[dask]')")
    flown = run_flow(replace(request_, runner=RunnerConfig(kind="dask", workers=2)))
    plain = run_harvest(replace(request_, lake=tmp_path / "plain"))
    assert (flown.harvested, flown.states, flown.reasons, flown.findings) == (
        11, plain.states, plain.reasons, plain.findings,
    )  # fmt: skip
    assert f"shard {SHARDS}/{SHARDS}, 3 films" in everything_in_prefect()


def test_a_night_that_ends_pauses_the_run_and_the_next_night_goes_on(
    request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = iter([True, True, False])
    monkeypatch.setattr("flows.service.night.Night.is_open", lambda night: next(hours, True))
    assert run_flow(request_).harvested == 4
    assert run_flow(request_).harvested == 7


def test_nothing_new_makes_no_flow_run(request_: RunRequest) -> None:
    run_harvest(request_)
    before = everything_in_prefect()
    assert run_flow(request_).harvested == 0
    assert everything_in_prefect() == before


def test_a_transient_failure_is_retried(request_: RunRequest, harvest_with: Callable[..., None]) -> None:
    calls: list[str] = []

    def shaky(shard: Any, context: Any) -> Any:
        calls.append(shard.shard_id)
        if len(calls) == 1:
            raise ConnectionResetError("the share went away")
        return harvest_shard(shard, context)

    harvest_with(shaky)
    assert run_flow(request_).harvested == 11
    assert len(calls) == SHARDS + 1


def test_a_lasting_failure_publishes_nothing_and_resumes(
    request_: RunRequest, harvest_with: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def broken_after_two(shard: Any, context: Any) -> Any:
        if len(done) == 2:
            raise RuntimeError("the accelerator is gone")
        done.append(shard.shard_id)
        return harvest_shard(shard, context)

    harvest_with(broken_after_two)
    with pytest.raises(RuntimeError, match="accelerator"):
        run_flow(request_)
    snapshot = (request_.lake / "harvest.duckdb").read_bytes()
    monkeypatch.undo()
    resumed = run_flow(request_)
    assert resumed.harvested == 3
    assert resumed.record is not None
    assert resumed.record["objects"] == 11
    assert (request_.lake / "harvest.duckdb").read_bytes() != snapshot


def test_an_error_for_the_user_is_not_retried(request_: RunRequest, harvest_with: Callable[..., None]) -> None:
    calls: list[str] = []

    def refuse(shard: Any, context: Any) -> Any:
        calls.append(shard.shard_id)
        raise SettingsError("impossible")

    harvest_with(refuse)
    with pytest.raises(SettingsError):
        run_flow(request_)
    assert len(calls) == 1


def test_a_run_ends_with_the_night_and_the_next_night_goes_on(
    request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([True, True, False])  # before the network is loaded, before the first shard, before the second
    monkeypatch.setattr(module.ServiceOptions, "is_open", lambda _self: next(looks, True))
    paused = run_flow(request_)
    assert paused.record is not None
    assert (paused.harvested, paused.record["status"]) == (4, "paused")
    done = run_flow(request_)
    assert done.record is not None
    assert (done.harvested, done.record["status"]) == (7, "complete")
    assert done.record["run_id"] == paused.record["run_id"]
