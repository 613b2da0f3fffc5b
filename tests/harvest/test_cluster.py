"""Workers on a Dask cluster give the rows of one process, one of them being killed; what would not is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

import harvest
from harvest import cluster as module
from harvest.config import EngineConfig, HarvestConfig, RunnerConfig, StorageConfig
from harvest.errors import WorkerError
from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.lake import SCHEMAS, open_lake
from harvest.manifest import Shard
from harvest.records import ArchiveObject
from harvest.run import RunRequest, run_harvest
from harvest.store import query
from harvest.verify import verify
from harvest.worker import Passport, read_passport

pytest.importorskip("distributed", reason="Dask is not installed (pip install 'iam-harvest[dask]')")

CONFIG = HarvestConfig(
    engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0),
    storage=StorageConfig(shard_size=1),
)
LOCAL = RunnerConfig(kind="dask", workers=2)
OURS = Passport("0.1.0 (digest aa)", "model", "cpu-fp32")


@pytest.fixture
def request_(sketched_films: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (sketched_films / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    return RunRequest(str(sketched_films), str(tiny_bundle_path), tmp_path / "lake", None, CONFIG, tmp_path / "key")


class DaskCluster:
    """A scheduler and workers as an operator starts them, each a process of its own that nobody restarts."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.workers: list[subprocess.Popen[bytes]] = []
        self._scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(place / "address.json"))
        self._await(lambda: (place / "address.json").exists(), self._scheduler)
        self.address = json.loads((place / "address.json").read_text())["address"]

    def add_worker(self, code: Path | None = None) -> None:
        """Start a worker, which may have another package than we, and wait until it is there."""
        connect = ["--scheduler-file", str(self._place / "address.json"), "--no-nanny", "--nthreads", "1"]
        count, log = len(self.workers), self._place / "scheduler.log"
        worker = self._start("worker", *connect, "--local-directory", str(self._place), code=code)
        self.workers.append(worker)
        self._await(lambda: log.read_text().count("Register worker") > count, worker)

    def close(self) -> None:
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait()

    def _start(self, kind: str, *arguments: str, code: Path | None = None) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1", "--no-dashboard", *arguments]
        home = str(code or Path(harvest.__file__).parents[1])
        with (self._place / f"{kind}.log").open("ab") as log:
            environment = os.environ | {"PYTHONPATH": home}
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._place, env=environment)

    def _await(self, condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
        while not condition():
            assert process.poll() is None, "".join(path.read_text() for path in self._place.glob("*.log"))
            time.sleep(0.1)


@pytest.fixture
def dask_cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    (tmp_path / "dask").mkdir()
    running = DaskCluster(tmp_path / "dask")
    yield running
    running.close()


class AfterFirstShard:
    """Observer that does something once, when the first shard is committed."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act, self._shards = act, 0

    def on_plan(self, session: Any) -> None:
        pass

    def on_shard(self, summary: Any) -> None:
        self._shards += 1
        if self._shards == 1:
            self._act()


def parts(lake: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of every part file in their order, by its name, without the run's id."""
    opened = open_lake(lake)
    paths = [(name, path) for name in SCHEMAS for path in opened.folder(name).glob("part-*.parquet")]
    return {f"{name}/{path.name}": pq.read_table(path).drop_columns(["run_id"]).to_pylist() for name, path in paths}


def boxes(lake: Path) -> list[dict[str, Any]]:
    return query(lake, "SELECT * EXCLUDE (run_id) FROM boxes").to_pylist()


def require_equal_to_one_process(request: RunRequest, lake: Path) -> None:
    run_harvest(replace(request, lake=lake, runner=RunnerConfig()))
    assert boxes(lake)
    assert parts(request.lake) == parts(lake)
    assert boxes(request.lake) == boxes(lake)
    assert all(check.passed for check in verify(request.lake))


@pytest.mark.services
def test_a_killed_worker_of_a_cluster_costs_no_film(
    request_: RunRequest, dask_cluster: DaskCluster, tmp_path: Path
) -> None:
    for _ in range(2):
        dask_cluster.add_worker()
    elsewhere = replace(request_, runner=RunnerConfig(kind="dask", address=dask_cluster.address))
    summary = run_harvest(elsewhere, AfterFirstShard(dask_cluster.workers[0].kill))
    assert dask_cluster.workers[0].wait() == -signal.SIGKILL
    assert summary.states.total() == 7
    require_equal_to_one_process(elsewhere, tmp_path / "calm")


@pytest.mark.services
def test_a_killed_worker_of_this_machine_is_replaced_and_nothing_is_left(request_: RunRequest, tmp_path: Path) -> None:
    me, killed = psutil.Process(), []

    def kill_one() -> None:
        workers = [one for one in me.children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]
        assert len(workers) == 2
        assert {socket.laddr.ip for one in (me, *workers) for socket in one.net_connections("tcp")} == {"127.0.0.1"}
        workers[0].kill()
        killed.append(workers[0])

    here = replace(request_, runner=LOCAL)
    run_harvest(here, AfterFirstShard(kill_one))
    assert killed
    assert not [one for one in me.children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]
    require_equal_to_one_process(here, tmp_path / "calm")


@pytest.mark.services
def test_a_worker_with_other_code_is_refused(request_: RunRequest, dask_cluster: DaskCluster, tmp_path: Path) -> None:
    home, other = Path(harvest.__file__).parents[1], tmp_path / "other"
    for package in ("harvest", "models"):
        shutil.copytree(home / package, other / package, ignore=shutil.ignore_patterns("bundles", "__pycache__"))
    with (other / "harvest" / "boxes.py").open("a") as file:
        file.write("# changed\n")
    dask_cluster.add_worker()
    dask_cluster.add_worker(other)
    with pytest.raises(WorkerError, match="its rows could differ"):
        run_harvest(replace(request_, runner=RunnerConfig(kind="dask", address=dask_cluster.address)))
    assert not boxes(request_.lake)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"package": "0.2.0 (digest bb)"}, "same requirements.lock"),
        ({"model": "another"}, "copy the bundle"),
        ({"engine": "cuda-bf16"}, "machine of the workers' kind"),
    ],
)
def test_what_differs_is_said(change: dict[str, str], words: str) -> None:
    OURS.require(replace(OURS), "The worker tcp://w")
    with pytest.raises(WorkerError, match=words):
        OURS.require(replace(OURS, **change), "The worker tcp://w")


def test_a_process_is_equal_to_itself(request_: RunRequest) -> None:
    assert read_passport(request_.model, CONFIG.engine) == read_passport(request_.model, CONFIG.engine)


def test_no_cluster_is_one_sentence(request_: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.5)
    with pytest.raises(WorkerError, match="start 'dask scheduler'"):
        run_harvest(replace(request_, runner=RunnerConfig(kind="dask", address="tcp://127.0.0.1:9")))


@pytest.mark.parametrize(
    "impossible", [{"workers": 2}, {"address": "tcp://a:1"}, {"kind": "dask", "workers": 2, "address": "tcp://a:1"}]
)
def test_workers_go_with_dask_and_not_with_an_address(impossible: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"workers"):
        RunnerConfig(**impossible)


def test_what_dask_logs_of_a_failed_shard_names_no_film(request_: RunRequest) -> None:
    class Run:
        request, forgotten = request_, None
        keys = RunKeys("run", "model", "print", "ward", "keep", SiteKey(bytes(32)))

    shard = Shard("0123", (ArchiveObject("DOE^JANE.png", 1, 1),))
    said = repr((shard, module.describe(Run(), 2)))
    assert "DOE" not in said
    assert "ward" not in said
    assert str(request_.archive) not in said
