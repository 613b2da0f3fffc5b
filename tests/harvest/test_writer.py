"""One writer per lake: real processes, killed, suspended, and machines that cannot be asked."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harvest import writer
from harvest.errors import LakeError, LakeLockedError
from harvest.lake import SCHEMAS, Lake, writing

HOLD = """
import pathlib, sys, time
from harvest.lake import writing
with writing(pathlib.Path(sys.argv[1])):
    print('held', flush=True)
    time.sleep(60)
"""
RACE = """
import pathlib, sys
from harvest.errors import LakeLockedError
from harvest.lake import writing
lake, diary = map(pathlib.Path, sys.argv[1:])
for _ in range(8):
    try:
        with writing(lake), diary.open('a') as file:
            file.write('in\\n'); file.flush()
            file.write('out\\n'); file.flush()
    except LakeLockedError:
        pass
"""
Holder = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    with writing(tmp_path / "lake"):
        pass
    return tmp_path / "lake"


@pytest.fixture
def holder(lake: Path) -> Iterator[Holder]:
    """Start a process that writes to the lake."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(lake)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def lock_of_another_machine(lake: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock as another machine leaves it, under a short lease."""
    monkeypatch.setattr(writer, "LEASE_S", 0.6)
    monkeypatch.setattr(writer, "AT_ONCE_S", 0.2)
    path = lake / "private" / "writer.lock"
    path.write_text("filelock/2\npid=1\nhost=reading-room\nmode=lease\ntoken=0af1\nduration=0.6\nstart=7\n")
    card = {"user": "ann", "host": "reading-room", "pid": 1, "started_at": "2026-01-01T22:00:00+00:00"}
    (lake / "private" / "writer.json").write_text(json.dumps(card))
    return path


def commit(lake: Lake) -> None:
    lake.commit_shard("f", "s", {name: schema.empty_table() for name, schema in SCHEMAS.items()})


def test_who_comes_second_is_told_who_writes(lake: Path, holder: Holder) -> None:
    process = holder()
    who = rf"Process {process.pid} of \S+ on \S+ .*sign of life.* Wait for it to end"
    with pytest.raises(LakeLockedError, match=who), writing(lake):
        pass
    assert process.poll() is None


def test_a_killed_writer_is_replaced_at_once(lake: Path, holder: Holder) -> None:
    for _ in range(2):
        process = holder()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with writing(lake) as opened:
            commit(opened)


def test_a_suspended_writer_here_is_waited_for(lake: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LEASE_S", 60.0)
    process = holder()
    process.send_signal(signal.SIGSTOP)
    old = time.time() - 3600
    os.utime(lake / "private" / "writer.lock", (old, old))
    with pytest.raises(LakeLockedError), writing(lake):
        pass


def test_another_machine_is_believed_while_its_sign_of_life_is_fresh(lake: Path, lock_of_another_machine: Path) -> None:
    with pytest.raises(LakeLockedError, match="Process 1 of ann on reading-room"), writing(lake):
        pass
    assert lock_of_another_machine.exists()


@pytest.mark.parametrize("shift", [-3600, 3600], ids=["silent for long", "its clock runs ahead"])
def test_another_machine_is_replaced_when_it_falls_silent(
    lake: Path, lock_of_another_machine: Path, shift: float
) -> None:
    then = time.time() + shift
    os.utime(lock_of_another_machine, (then, then))
    with writing(lake) as opened:
        commit(opened)


def test_a_clock_that_jumps_breaks_no_living_lock(
    lake: Path, lock_of_another_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks silent for an hour, yet while it is watched it gives a sign of life."""
    beats = iter(range(10_000))

    def beat(_lock: object) -> float:
        then = time.time() - 3600 + next(beats)
        os.utime(lock_of_another_machine, (then, then))
        return 3600.0

    monkeypatch.setattr(writer.WriterLock, "_silence", beat)
    real_sleep = time.sleep

    def sleep_and_beat(seconds: float) -> None:
        real_sleep(seconds)
        beat(None)

    monkeypatch.setattr("filelock._api.time.sleep", sleep_and_beat)
    with pytest.raises(LakeLockedError), writing(lake):
        pass


def test_a_writer_that_was_replaced_commits_nothing_more(lake: Path) -> None:
    with writing(lake) as opened:
        lock = lake / "private" / "writer.lock"
        lock.unlink()
        lock.write_text("filelock/2\npid=1\nhost=reading-room\nmode=lease\ntoken=0af1\nduration=60.0\n")
        with pytest.raises(LakeLockedError, match="another one became the writer"):
            commit(opened)
        assert opened.shards("f") == []
    assert "reading-room" in lock.read_text(), "the lock of the new writer was taken away"


def test_of_many_that_come_at_once_one_writes_at_a_time(lake: Path, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    command = [sys.executable, "-c", RACE, str(lake), str(diary)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0] * 3
    lines = diary.read_text().split()
    assert lines == ["in", "out"] * (len(lines) // 2)


def test_a_lake_that_cannot_be_written_says_so(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(writer.WriterLock, "take", refuse)
    with pytest.raises(LakeError, match="Read-only file system"), writing(lake):
        pass


def test_a_maker_of_a_lake_who_was_killed_leaves_a_folder_that_can_become_one(tmp_path: Path) -> None:
    (tmp_path / ".tmp-lake.json").write_text("{")
    with writing(tmp_path) as lake:
        assert lake.root == tmp_path
