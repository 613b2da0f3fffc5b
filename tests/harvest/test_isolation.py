"""Decoder processes: what kills or blocks one costs its object only."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harvest import isolation
from harvest.batches import iter_films
from harvest.config import DecodeConfig
from harvest.errors import DecoderStartError, Reason
from harvest.isolation import Bounds, DecoderPool, DecoderProcess
from harvest.phantom.sketch import sketch_chest
from harvest.records import ArchiveObject
from harvest.sources import open_source

MISBEHAVING = """
import ctypes, os, sys, time
from multiprocessing.connection import Connection

import numpy as np

from harvest.decoder_child import _limit_memory

_limit_memory(int(sys.argv[2]) * 2**20)
connection = Connection(int(sys.argv[1]))
connection.send(None)
while True:
    (what,), _ = connection.recv()
    connection.send(os.getpid())
    if what == "crash":
        ctypes.string_at(0)
    if what == "spin":
        time.sleep(3600)
    if what == "grow":
        try:
            np.ones(2**30)
        except MemoryError:
            connection.send("refused")
    connection.send(None)
"""


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderPool]:
    """Processes that do what a hostile file might make a decoder do."""
    (tmp_path / "misbehaving.py").write_text(MISBEHAVING)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(isolation, "CHILD", "misbehaving")
    pool = DecoderPool()
    yield pool
    pool.close()


def test_a_process_is_used_again(pool: DecoderPool) -> None:
    first, second = (pool.ask(("work",), Bounds(30, 512)) for _ in range(2))
    assert first == second and first[1] is None


@pytest.mark.parametrize(
    ("what", "seconds", "reason"), [("crash", 30, Reason.DECODER_CRASHED), ("spin", 1, Reason.DECODER_TIMEOUT)]
)
def test_one_that_dies_is_replaced(pool: DecoderPool, what: str, seconds: float, reason: Reason) -> None:
    answers, died = pool.ask((what,), Bounds(seconds, 512))
    assert len(answers) == 1 and died is reason
    with pytest.raises(ProcessLookupError):
        os.kill(answers[0], 0)
    assert pool.ask(("work",), Bounds(30, 512))[1] is None


def test_a_decoder_that_never_starts_is_no_fault_of_the_film(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "CHILD", "no_such_module")
    with pytest.raises(DecoderStartError, match="does not start"):
        pool.ask(("work",), Bounds(30, 512))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds all private memory")
def test_memory_is_bounded(pool: DecoderPool) -> None:
    answers, died = pool.ask(("grow",), Bounds(60, 512))
    assert answers[1:] == ["refused"] and died is None


def films_of(directory: Path, workers: int) -> list[Any]:
    source = open_source(str(directory))
    return list(iter_films(source, list(source.iter_objects()), DecodeConfig(), (64, 64), workers))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for index in range(6):
        Image.fromarray(sketch_chest(index, 90, 80)).save(tmp_path / f"film{index}.png")
    (tmp_path / "film3.png").write_bytes(b"no film")
    return tmp_path


def test_films_are_the_same_in_this_process_and_in_others(archive: Path) -> None:
    here, there = films_of(archive, 0), films_of(archive, 2)
    assert [(one.source, one.frame, one.placement, one.recipe, one.rejection) for one in here] == [
        (one.source, one.frame, one.placement, one.recipe, one.rejection) for one in there
    ]
    assert all(
        (one.input == other.input).all() for one, other in zip(here, there, strict=True) if one.input is not None
    )


def test_idle_processes_that_were_killed_are_replaced(archive: Path) -> None:
    films_of(archive, 1)
    for process in isolation.decoders._idle:
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait()
    assert [one.rejection is None for one in films_of(archive, 1)] == [index != 3 for index in range(6)]


def test_a_killed_decoder_loses_one_object(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(self: DecoderProcess, arguments: tuple[Any, ...], seconds: float) -> Iterator[Any]:
        one: ArchiveObject = arguments[1]
        if one.path == "film1.png":
            self._process.send_signal(signal.SIGSTOP)  # it will never answer
            seconds = 0.1
        return answers(self, arguments, seconds)

    answers = DecoderProcess.ask
    monkeypatch.setattr(DecoderProcess, "ask", ask)
    films = films_of(archive, 2)
    reasons = [one.rejection.reason if one.rejection else None for one in films]
    assert reasons == [None, Reason.DECODER_TIMEOUT, None, Reason.UNKNOWN_FORMAT, None, None]
