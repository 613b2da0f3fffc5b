"""Short forms of ``make soak``: killed runs, full disk, readers, killed workers, a schedule over a growing archive."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


def said_by(script: str, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}.py", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_nothing_is_lost_doubled_or_unreadable(tiny_bundle_path: Path) -> None:
    short = ["--films", 6, "--kills", 8, "--publishes", 3, "--readers", 3]
    said = said_by("chaos", "--model", tiny_bundle_path, *short)
    assert "8 kills" in said
    assert "3 processes read during 3 publishes" in said
    if os.geteuid() == 0:
        assert "the lake becomes read-only" in said


def test_nor_in_a_bucket(tiny_bundle_path: Path) -> None:
    short = ["--films", 6, "--readers", 3, "--kills", 6, "--duels", 1, "--publishes", 2]
    assert "6 kills" in said_by("chaos_bucket", "--model", tiny_bundle_path, *short)


def test_a_killed_worker_costs_no_film(tiny_bundle_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed (pip install 'iam-harvest[dask]')")
    said = said_by("workers", "--model", tiny_bundle_path, "--films", 40, "--runs", 1, "--writers", 0)
    assert "one of two Dask workers is killed" in said
    assert "the one with the helper is killed" in said


def test_a_schedule_harvests_what_is_new(tiny_bundle_path: Path) -> None:
    said = said_by("schedule", "--model", tiny_bundle_path, "--every", 15, "--runs", 3)
    assert "they harvested 6, 2, 2, 2 films: what was new" in said
