"""A Prefect server that is killed in mid-run costs what it shows, never a film."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.execute import execute
from flows.prefect_server import TemporaryEnvironment, free_port, server_process
from flows.terminal import Terminal
from harvest.config import HarvestConfig, StorageConfig
from harvest.pipeline import harvest_shard
from harvest.run import RunRequest, RunSummary, run_harvest
from harvest.store import query
from harvest.verify import verify

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

SHARDS = 6
TABLES = ("instances", "predictions", "boxes")


class Server:
    """A real server whose database and port outlive its process."""

    def __init__(self, home: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}/api"
        self._home = home
        self._processes = ExitStack()

    def start(self) -> None:
        self._process = self._processes.enter_context(server_process(self._home, self.url))

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def start_empty(self) -> None:
        """Come back as a server that knows nothing of what it was told before."""
        for path in self._home.glob("prefect.db*"):
            path.unlink()
        self.start()

    def close(self) -> None:
        self._processes.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "prefect"
    home.mkdir()
    server = Server(home)
    with TemporaryEnvironment() as environment:
        environment.update({"PREFECT_HOME": str(home), "PREFECT_API_URL": server.url})
        # One retry, where Prefect's five would wait a minute for each state.
        with temporary_settings(updates={PREFECT_API_URL: server.url, PREFECT_CLIENT_MAX_RETRIES: 1}):
            server.start()
            yield server
            server.close()


@pytest.fixture
def request_(small_archive: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    settings = HarvestConfig(storage=StorageConfig(shard_size=2))
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    return RunRequest(str(small_archive), str(tiny_bundle_path), tmp_path / "lake", site_key=key, config=settings)


@pytest.fixture
def before_shard(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, Callable[[], None]]], list[int]]:
    """Let something happen before the n-th shard is harvested, which then is."""

    def put(events: dict[int, Callable[[], None]]) -> list[int]:
        begun: list[int] = []

        def eventful(shard: Any, context: Any) -> Any:
            begun.append(len(begun) + 1)
            events.get(begun[-1], lambda: None)()
            return harvest_shard(shard, context)

        monkeypatch.setattr("harvest.pipeline.harvest_shard", eventful)
        return begun

    return put


def run_flow(request: RunRequest) -> RunSummary:
    with Terminal() as terminal:
        return execute(request, True, terminal)


def contents(lake: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the published rows, without the id of the run."""
    chosen = "SELECT COLUMNS(lambda name: name <> 'run_id') FROM {} ORDER BY ALL"
    return {table: query(lake, chosen.format(table)).to_pylist() for table in TABLES}


def require_undisturbed(run: RunSummary, request: RunRequest, begun: list[int], calm: Path) -> None:
    assert begun == list(range(1, SHARDS + 1)), "each shard is harvested once"
    assert run.harvested == 11
    assert run.record is not None
    assert run.record["status"] == "complete"
    run_harvest(replace(request, lake=calm))
    assert contents(request.lake) == contents(calm)
    assert all(check.passed for check in verify(request.lake))


def test_a_server_that_never_comes_back_costs_no_film(
    server: Server,
    request_: RunRequest,
    before_shard: Callable[..., list[int]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = before_shard({3: server.kill})
    run = run_flow(request_)
    require_undisturbed(run, request_, begun, tmp_path / "calm")
    warnings = [record.message for record in caplog.records if record.name.startswith("flows.")]
    assert len(warnings) == 2, warnings
    assert "the run goes on" in warnings[0]
    assert "The run is finished" in warnings[1]


def test_a_server_that_comes_back_shows_the_run_complete(
    server: Server, request_: RunRequest, before_shard: Callable[..., list[int]], tmp_path: Path
) -> None:
    begun = before_shard({3: server.kill, 5: server.start})
    run = run_flow(request_)
    require_undisturbed(run, request_, begun, tmp_path / "calm")
    with get_client(sync_client=True) as client:
        (flown,) = client.read_flow_runs()
        assert flown.state_name == "Completed"
        assert {artifact.key for artifact in client.read_artifacts()} >= {"harvest-findings", "harvest-summary"}
        (progress,) = (one for one in client.read_artifacts() if one.key == "harvest-progress")
    assert progress.data == 100


def test_a_server_that_comes_back_empty_costs_no_film(
    server: Server,
    request_: RunRequest,
    before_shard: Callable[..., list[int]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = before_shard({3: server.kill, 5: server.start_empty})
    run = run_flow(request_)
    require_undisturbed(run, request_, begun, tmp_path / "calm")
    assert "The run is finished" in caplog.text
    with get_client(sync_client=True) as client:
        assert [flow.state_name for flow in client.read_flow_runs()] == []
