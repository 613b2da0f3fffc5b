"""A short form of ``make soak``, on disk and in a bucket: killed runs, a full disk, a read-only lake, readers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def chaos(script: str, model: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, f"benchmarks/{script}", "--model", model, "--films", "6", "--readers", "3", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.services
@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_unreadable(tiny_bundle_path: Path) -> None:
    told = chaos("chaos.py", tiny_bundle_path, "--kills", "8", "--publishes", "3")
    assert "8 kills" in told
    if os.geteuid() == 0:
        assert "the lake becomes read-only" in told


@pytest.mark.services
@pytest.mark.timeout(900)
def test_nor_in_a_bucket(tiny_bundle_path: Path) -> None:
    told = chaos("chaos_bucket.py", tiny_bundle_path, "--kills", "6", "--duels", "1", "--publishes", "2")
    assert "6 kills" in told
