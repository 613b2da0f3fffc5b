"""Runs that do not come to their end: paused, failed or killed, they are told apart and gone on with."""

import json
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from harvest import run_record
from harvest.config import EngineConfig, HarvestConfig, StorageConfig
from harvest.errors import LakeLockedError
from harvest.lake import open_lake
from harvest.pipeline import harvest_shard
from harvest.run import RunRequest, RunSummary, open_session, run_harvest
from harvest.run_record import read_records
from harvest.store import query
from harvest.verify import verify

CONFIG = HarvestConfig(
    engine=EngineConfig(device="cpu", precision="fp32", decode_workers=0), storage=StorageConfig(shard_size=2)
)


@pytest.fixture
def request_(sketched_films: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    return RunRequest(str(sketched_films), str(tiny_bundle_path), tmp_path / "lake", config=CONFIG)


def harvest_shards(request: RunRequest, count: int) -> RunSummary:
    """Stop at the boundary of a shard."""
    with open_session(request) as session:
        session.start()
        context = session.context()
        for shard in session.plan.shards[:count]:
            session.add(harvest_shard(shard, context))
        return session.finish()


def statuses(lake: Path) -> list[str]:
    return [record["status"] for record in read_records(open_lake(lake))]


def films(lake: Path) -> int:
    (row,) = query(lake, "SELECT count(*) AS n FROM current_instances").to_pylist()
    return int(row["n"])


def test_a_paused_run_is_seen_and_gone_on_with(request_: RunRequest) -> None:
    paused = harvest_shards(request_, 1)
    assert (paused.harvested, paused.objects) == (2, 6)
    assert statuses(request_.lake) == ["paused"]
    assert films(request_.lake) == 2
    nothing = harvest_shards(request_, 0)
    assert (nothing.harvested, statuses(request_.lake)) == (0, ["paused"])
    ended = run_harvest(request_)
    assert ended.harvested == 4
    assert ended.record is not None
    assert ended.record["objects"] == 6
    assert statuses(request_.lake) == ["complete"]
    assert films(request_.lake) == 6


def test_a_paused_run_of_new_settings_leaves_the_views_where_they_are(request_: RunRequest) -> None:
    run_harvest(request_)
    other = replace(request_, config=CONFIG.model_copy(update={"storage": StorageConfig(shard_size=3)}))
    harvest_shards(other, 1)
    assert statuses(request_.lake) == ["paused", "complete"]
    assert films(request_.lake) == 6


def test_a_failed_run_says_so_and_is_gone_on_with(request_: RunRequest) -> None:
    with pytest.raises(ConnectionResetError), open_session(request_) as session:
        session.start()
        session.add(harvest_shard(session.plan.shards[0], session.context()))
        raise ConnectionResetError
    assert statuses(request_.lake) == ["failed"]
    assert run_harvest(request_).harvested == 4
    assert statuses(request_.lake) == ["complete"]


def test_a_run_that_lost_its_lake_leaves_the_record_to_the_new_writer(request_: RunRequest) -> None:
    with pytest.raises(LakeLockedError), open_session(request_) as session:
        session.start()
        (request_.lake / "private" / "writer.lock").unlink()
        session.add(harvest_shard(session.plan.shards[0], session.context()))
    assert statuses(request_.lake) == ["running"]


def test_a_killed_run_of_another_archive_is_marked_failed_at_the_next_start(request_: RunRequest) -> None:
    run_harvest(request_)
    (path,) = (request_.lake / "runs").glob("*.json")
    record = json.loads(path.read_text())
    killed = record | {"run_id": "20200101T000000Z-00000000", "status": "running", "archive": "other"}
    (path.parent / "20200101T000000Z-00000000.json").write_text(json.dumps(killed | {"finished_at": None}))
    assert run_harvest(request_).harvested == 0
    assert statuses(request_.lake) == ["complete", "failed"]


def test_a_run_cut_off_behind_its_last_shard_is_completed(request_: RunRequest) -> None:
    with pytest.raises(RuntimeError), open_session(request_) as session:
        session.start()
        context = session.context()
        for shard in session.plan.shards:
            session.add(harvest_shard(shard, context))
        raise RuntimeError
    assert (statuses(request_.lake), films(request_.lake)) == (["failed"], 0)
    assert run_harvest(request_).harvested == 0
    assert (statuses(request_.lake), films(request_.lake)) == (["complete"], 6)
    run_harvest(request_)
    assert statuses(request_.lake) == ["complete"]


def test_clocks_that_jump_cost_no_film_and_no_run(request_: RunRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that begins years later and one that is cut off years before: the lake is as with a steady clock."""

    def set_clock(year: int) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime(year, 1, 1, tzinfo=tz)

        monkeypatch.setattr(run_record, "datetime", Clock)

    set_clock(2035)
    limited = replace(request_, limit=4)
    with open_session(limited) as session:
        session.start()
        session.add(harvest_shard(session.plan.shards[0], session.context()))
        set_clock(2015)
        session.finish()
    assert run_harvest(limited).harvested == 2
    assert statuses(request_.lake) == ["complete"]
    harvest_shards(request_, 0)
    set_clock(2025)
    assert run_harvest(request_).harvested == 2
    assert statuses(request_.lake) == ["complete", "complete"]
    assert films(request_.lake) == 6
    assert all(check.passed for check in verify(request_.lake))


def test_a_record_that_is_being_written_is_not_read(request_: RunRequest) -> None:
    run_harvest(request_)
    (request_.lake / "runs" / ".tmp-20300101T000000Z-00000000.json").write_text("{")
    assert statuses(request_.lake) == ["complete"]
