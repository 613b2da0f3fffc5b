"""What is committed to a bucket, who sees what of it, and what stays."""

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harvest.bucket.log import COMMITS, OBJECTS, read_commit, read_head, read_published
from harvest.bucket.reading import read_state
from harvest.bucket.retention import sweep
from harvest.errors import LakeError
from harvest.lake import Lake
from harvest.lake_address import folder_to_change, folder_to_query, folder_to_read, folder_to_write
from harvest.verify import verify

if TYPE_CHECKING:
    from tests.harvest.bucket.conftest import BucketLake, Machine

pytestmark = pytest.mark.services


def is_sound(root: Path) -> bool:
    return all(check.passed for check in verify(root))


def test_readers_see_a_whole_run_or_the_one_before(chest: "BucketLake") -> None:
    with pytest.raises(LakeError, match="no lake"):
        read_state(chest.url)
    chest.harvest("a")
    assert chest.seen() == ["a"]
    with chest.at_work() as lake:
        chest.commit(lake, "b")
        assert chest.seen() == ["a"]
        assert "instances/part-f-b.parquet" in read_head(chest.bucket).files
        chest.publish(lake)
    assert chest.seen() == ["a", "b"]


def test_work_goes_on_from_the_last_commit_on_any_machine(chest: "BucketLake", machine: "Machine") -> None:
    chest.harvest("a", "z")
    with pytest.raises(KeyboardInterrupt), chest.at_work() as lake:
        chest.commit(lake, "b")
        lake.remove_shard("f", "z")
        chest.commit(lake, "c")
        (lake.runs / "never-committed.json").write_text("{}")
        raise KeyboardInterrupt
    for name in ("second", "first"):
        machine(name)
        with chest.at_work() as lake:
            assert lake.shards("f") == ["a", "b", "c"]
            assert lake.unpublished
            assert not list(lake.runs.iterdir())


def test_nothing_new_is_no_commit(chest: "BucketLake") -> None:
    chest.harvest("a")
    before = chest.names()
    with chest.at_work():
        pass
    assert chest.names() == before


def test_what_a_machine_has_lost_or_changed_is_fetched_again(chest: "BucketLake", machine: "Machine") -> None:
    chest.harvest("a")
    folder = folder_to_write(chest.url)
    (folder / "instances" / "part-f-a.parquet").unlink()
    (folder / "harvest.duckdb").write_bytes(b"damaged")
    with chest.at_work():
        pass
    assert is_sound(folder)
    assert is_sound(folder_to_read(chest.url))
    machine("second")
    assert is_sound(folder_to_change(chest.url))


def test_a_question_needs_the_snapshot_and_a_reader_without_key_sees_the_public_part(
    chest: "BucketLake", machine: "Machine", monkeypatch: pytest.MonkeyPatch
) -> None:
    chest.harvest("a")
    machine("second")
    folder = folder_to_query(chest.url)
    assert sorted(path.name for path in folder.iterdir()) == ["harvest.duckdb", "lake.json"]
    monkeypatch.delenv("IAM_HARVEST_SITE_KEY")
    assert folder_to_read(chest.url) == folder
    assert not (folder / "private").exists()
    assert Lake(folder).shards("f") == ["a"]
    assert is_sound(folder)


def test_what_is_superseded_stays_for_a_day_and_then_goes(chest: "BucketLake") -> None:
    chest.harvest("a")
    earlier = read_published(chest.bucket)
    chest.harvest("b")
    now = read_published(chest.bucket)
    assert {one.object for state in (earlier, now) for one in state.files.values()} <= chest.names(OBJECTS)
    assert len(chest.names(COMMITS)) == 2, "commits of shards go as soon as their run has ended"
    sweep(chest.bucket, read_commit(chest.bucket, now.number), timedelta(0))
    assert {one.object for one in now.files.values()} == chest.names(OBJECTS)
    assert len(chest.names(COMMITS)) == 1
    chest.harvest("c")
    assert chest.seen() == ["a", "b", "c"]


def test_purging_leaves_nothing_of_the_past(chest: "BucketLake") -> None:
    chest.harvest("a", "b")
    assert chest.seen() == ["a", "b"]
    with chest.at_work() as lake:
        lake.remove_shard("f", "a")
        chest.publish(lake)
        lake.purge()
        assert not list(lake.root.parent.glob("state-*"))
    assert not [name for name in chest.names(OBJECTS) if "part-f-a" in name]
    assert len(chest.names(COMMITS)) == 1
    assert chest.seen() == ["b"]


def test_readers_keep_no_more_than_they_need(chest: "BucketLake", monkeypatch: pytest.MonkeyPatch) -> None:
    chest.harvest("a")
    first = read_state(chest.url)
    chest.harvest("b")
    second = read_state(chest.url)
    assert first.exists(), "a command may still read it"
    part = "instances/part-f-a.parquet"
    assert (first / part).samefile(second / part), "what did not change is not fetched again"
    chest.harvest("c")
    in_two_days = time.time() + 2 * 86400
    monkeypatch.setattr("harvest.bucket.reading.time.time", lambda: in_two_days)
    third = read_state(chest.url)
    assert third.exists() and not first.exists() and not second.exists()
    assert len(list((third.parent / "objects").glob("harvest.*.duckdb"))) == 1


def test_a_damaged_object_is_told_and_not_read(chest: "BucketLake") -> None:
    chest.harvest("a")
    entry = read_published(chest.bucket).files["instances/part-f-a.parquet"]
    chest.bucket.put(entry.object, b"damaged")
    with pytest.raises(LakeError, match="damaged"):
        read_state(chest.url)
