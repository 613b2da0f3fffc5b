"""A short form of ``make soak``: killed runs, a full disk, a read-only lake, readers beside publishes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.services
@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_unreadable(tiny_bundle_path: Path) -> None:
    command = [sys.executable, "benchmarks/chaos.py", "--model", tiny_bundle_path, "--films", "6"]
    done = subprocess.run(
        [*command, "--kills", "8", "--publishes", "3", "--readers", "3"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "8 kills" in done.stdout
    if os.geteuid() == 0:
        assert "the lake becomes read-only" in done.stdout
