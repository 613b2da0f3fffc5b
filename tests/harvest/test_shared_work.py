"""Processes that share a run give the rows of one, whoever of them dies; what is left of them is removed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import harvest
from harvest.config import EngineConfig, HarvestConfig, RunnerConfig, StorageConfig
from harvest.crew import crew
from harvest.errors import WorkerError
from harvest.files import discard
from harvest.lake import SCHEMAS, Lake, open_lake, writing
from harvest.pipeline import ComputedShard
from harvest.run import RunRequest, open_session, run_harvest
from harvest.shared_work import ORDER, Order, SharedWork, help_out
from harvest.verify import verify

CONFIG = HarvestConfig(
    engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0),
    storage=StorageConfig(shard_size=1),
)
HELP = "import pathlib, sys; from harvest.shared_work import help_out; help_out(pathlib.Path(sys.argv[1]), sys.argv[2])"
Process = subprocess.Popen[bytes]
Help = Callable[[str], Process]


@pytest.fixture
def request_(sketched_films: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (sketched_films / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    pool = RunnerConfig(kind="pool", workers=3)
    lake, key = tmp_path / "lake", tmp_path / "key"
    return RunRequest(str(sketched_films), str(tiny_bundle_path), lake, None, CONFIG, key, runner=pool)


@pytest.fixture
def start_helper(request_: RunRequest) -> Iterator[Help]:
    """Start a process that helps with the named work."""
    started: list[Process] = []

    def start(work: str) -> Process:
        environment = os.environ | {"PYTHONPATH": str(Path(harvest.__file__).parents[1])}
        started.append(subprocess.Popen([sys.executable, "-c", HELP, str(request_.lake), work], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def open_lake_of(request: RunRequest) -> Lake:
    """Return the lake of a request, made but empty."""
    with writing(request.lake) as lake:
        return lake


def harvest_with(request: RunRequest, summon: Callable[[str], None]) -> None:
    with open_session(request) as session:
        session.start()
        with crew(session, summon) as harvest_one:
            for shard in session.plan.shards:
                session.add(harvest_one(shard))
        session.finish()


def rows(lake: Path) -> dict[str, list[dict[str, object]]]:
    """Rows of every part file in their order, by its name, without the run's id."""
    opened = open_lake(lake)
    paths = [(name, path) for name in SCHEMAS for path in opened.folder(name).glob("part-*.parquet")]
    return {f"{name}/{path.name}": pq.read_table(path).drop_columns(["run_id"]).to_pylist() for name, path in paths}


def require_equal_to_one_process(request: RunRequest, lake: Path) -> None:
    run_harvest(replace(request, lake=lake, runner=RunnerConfig()))
    assert rows(request.lake) == rows(lake)
    assert any(found for name, found in rows(lake).items() if name.startswith("boxes"))
    assert all(check.passed for check in verify(request.lake))
    assert not open_lake(request.lake).shared_work.exists()


def stop_in_a_shard(process: Process, folder: Path) -> None:
    """Suspend a process while it computes a shard."""
    while True:
        claimed = [path for path in folder.glob("*.lock") if f"pid={process.pid}\n" in _text(path)]
        process.send_signal(signal.SIGSTOP)
        if any(path.exists() for path in claimed):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.002)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.services
def test_a_killed_helper_costs_no_film(request_: RunRequest, start_helper: Help, tmp_path: Path) -> None:
    folder = open_lake_of(request_).shared_work

    def summon(work: str) -> None:
        killed = start_helper(work)
        stop_in_a_shard(killed, folder / work)
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        assert start_helper(work).wait() == 0, "the other one does all that is not claimed"

    harvest_with(request_, summon)
    require_equal_to_one_process(request_, tmp_path / "calm")


def test_nobody_comes_and_the_run_is_done_all_the_same(request_: RunRequest, tmp_path: Path) -> None:
    harvest_with(request_, lambda _work: None)
    require_equal_to_one_process(request_, tmp_path / "calm")


def test_who_comes_late_finds_nothing_to_do(request_: RunRequest) -> None:
    heard: list[str] = []
    harvest_with(request_, heard.append)
    assert help_out(request_.lake, heard[0]) == 0
    assert not open_lake(request_.lake).shared_work.exists()


def test_a_helper_lays_nothing_into_work_that_is_over(request_: RunRequest) -> None:
    lake = open_lake_of(request_)
    left: list[ComputedShard] = []

    def summon(name: str) -> None:
        work = SharedWork(lake.shared_work / name)
        assert work.goes_on
        help_out(request_.lake, name)
        order = Order.model_validate_json((work.folder / ORDER).read_bytes())
        left.extend(filter(None, map(work.take, order.shards)))
        discard(lake.shared_work)
        with pytest.raises(FileNotFoundError):
            work.put(left[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest_with(request_, summon)
    assert left
    assert not lake.shared_work.exists()


def test_what_a_killed_writer_left_is_removed_by_the_next(request_: RunRequest) -> None:
    lake = open_lake_of(request_)
    (lake.shared_work / "0123").mkdir(parents=True)
    (lake.shared_work / "0123" / ORDER).write_text("{}")
    harvest_with(request_, lambda _work: None)
    assert not lake.shared_work.exists()
    assert not list(lake.private.glob(".tmp-*"))


def test_a_helper_that_would_give_other_rows_is_refused(request_: RunRequest) -> None:
    lake = open_lake_of(request_)

    def summon(name: str) -> None:
        path = lake.shared_work / name / ORDER
        order = json.loads(path.read_text())
        order["job"]["passport"]["package"] = "0.0.1 (digest 00)"
        path.write_text(json.dumps(order))
        with pytest.raises(WorkerError, match="its rows could differ"):
            help_out(request_.lake, name)

    harvest_with(request_, summon)


def test_a_command_has_no_pool(request_: RunRequest) -> None:
    with pytest.raises(WorkerError, match="harvests of a service"):
        run_harvest(request_)


def test_a_shard_that_is_asked_for_again_is_computed_again(request_: RunRequest, tmp_path: Path) -> None:
    with open_session(request_) as session:
        session.start()
        with crew(session, lambda _work: None) as harvest_one:
            for shard in session.plan.shards:
                session.add(harvest_one(shard))
            first = session.plan.shards[0]
            session.lake.remove_shard(session.keys.config_fingerprint, first.shard_id)
            harvest_one(first)
        session.finish()
    require_equal_to_one_process(request_, tmp_path / "calm")
