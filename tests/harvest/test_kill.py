"""A run killed at any moment and started again leaves the rows of an undisturbed one."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from harvest.lake import SCHEMAS, open_lake
from harvest.phantom.sketch import sketch_chest
from harvest.verify import verify

RUN = """
import sys
from pathlib import Path
from harvest.config import EngineConfig, GateConfig, HarvestConfig, StorageConfig
from harvest.run import RunRequest, run_harvest
engine = EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=1)
config = HarvestConfig(engine=engine, gate=GateConfig(mode="both"), storage=StorageConfig(shard_size=2))
archive, bundle, lake, key = sys.argv[1:]
run_harvest(RunRequest(archive, bundle, Path(lake), config=config, site_key=Path(key)))
"""


@pytest.fixture
def arguments(tmp_path: Path, tiny_bundle_path: Path) -> list[str]:
    (tmp_path / "archive").mkdir()
    for index in range(8):
        Image.fromarray(sketch_chest(index, 90, 70)).save(tmp_path / "archive" / f"film{index}.png")
    (tmp_path / "key").write_bytes(bytes(range(32)))
    return [str(tmp_path / "archive"), str(tiny_bundle_path), str(tmp_path / "LAKE"), str(tmp_path / "key")]


def start(arguments: list[str], lake: Path) -> subprocess.Popen[bytes]:
    command = [argument if not argument.endswith("LAKE") else str(lake) for argument in arguments]
    return subprocess.Popen([sys.executable, "-c", RUN, *command])


def contents(lake: Path) -> dict[str, list[str]]:
    """Every row of every part, without the run id, as text."""
    opened = open_lake(lake)
    fingerprint = next(opened.folder("crosswalk").iterdir()).stem.split("-")[1]
    found = {}
    for name, schema in SCHEMAS.items():
        columns = [column for column in schema.names if column != "run_id"]
        found[name] = sorted(map(str, opened.read_column_set(name, fingerprint, columns).to_pylist()))
    return found


def kill_when(process: subprocess.Popen[bytes], lake: Path, table: str, parts: int) -> None:
    """Kill as soon as a table has so many parts (temporary ones count)."""
    folder = lake / table
    while process.poll() is None and (not folder.exists() or len(list(folder.iterdir())) < parts):
        time.sleep(0.001)
    process.kill()
    process.wait()


def test_rows_after_kills_are_those_of_an_undisturbed_run(arguments: list[str], tmp_path: Path) -> None:
    assert start(arguments, tmp_path / "calm").wait() == 0
    rough = tmp_path / "rough"
    for table, parts in (("attention", 1), ("instances", 2), ("private/crosswalk", 3)):
        kill_when(start(arguments, rough), rough, table, parts)
    assert start(arguments, rough).wait() == 0
    assert contents(rough) == contents(tmp_path / "calm")
    assert all(check.passed for check in verify(rough))
    assert len(list((rough / "runs").iterdir())) == 1, "a killed run is finished, not begun again"
