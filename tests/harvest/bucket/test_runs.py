"""Runs into a bucket: the rows of a run on disk, also when they are killed and go on elsewhere."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from harvest.bucket.log import COMMITS, OBJECTS, read_head
from harvest.config import EngineConfig, GateConfig, HarvestConfig, StorageConfig
from harvest.errors import LakeError, RejectionRateError
from harvest.forget import forget
from harvest.lake import SCHEMAS, Lake, open_lake
from harvest.lake_address import folder_to_change, folder_to_query, folder_to_read, folder_to_write
from harvest.phantom.sketch import sketch_chest
from harvest.rebox import rebox
from harvest.run import RunRequest, RunSummary, run_harvest
from harvest.run_record import read_records
from harvest.store import query
from harvest.verify import verify

if TYPE_CHECKING:
    from tests.harvest.bucket.conftest import BucketLake, Machine

pytestmark = pytest.mark.services
FILMS = 8
CONFIG = HarvestConfig(
    engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0),
    gate=GateConfig(mode="both"),
    storage=StorageConfig(shard_size=2),
)
RUN = """
import sys
from harvest.config import HarvestConfig
from harvest.lake_address import folder_to_write
from harvest.run import RunRequest, run_harvest
archive, bundle, lake, config = sys.argv[1:]
run_harvest(RunRequest(archive, bundle, folder_to_write(lake), config=HarvestConfig.model_validate_json(config)))
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    for index in range(FILMS):
        Image.fromarray(sketch_chest(index, 90, 70)).save(tmp_path / "archive" / f"film{index}.png")
    return tmp_path / "archive"


@pytest.fixture
def model(tiny_bundle_path: Path) -> str:
    return str(tiny_bundle_path)


def harvest(archive: Path, model: str, lake: str) -> RunSummary:
    key = Path(os.environ["IAM_HARVEST_SITE_KEY"])
    return run_harvest(RunRequest(str(archive), model, folder_to_write(lake), config=CONFIG, site_key=key))


def contents(lake: Lake) -> dict[str, list[str]]:
    """Every row of every part, without the run id, as text."""
    fingerprint = next(lake.folder("crosswalk").iterdir()).stem.split("-")[1]
    return {
        name: sorted(
            str({column: value for column, value in row.items() if column not in {"run_id", "shard_id"}})
            for row in lake.read_column_set(name, fingerprint, list(schema.names)).to_pylist()
        )
        for name, schema in SCHEMAS.items()
    }


def test_a_run_into_a_bucket_has_the_rows_of_one_on_disk_and_repeated_does_nothing(
    chest: "BucketLake", machine: "Machine", archive: Path, model: str, tmp_path: Path
) -> None:
    harvest(archive, model, str(tmp_path / "calm"))
    assert harvest(archive, model, chest.url).harvested == FILMS
    before = chest.names()
    for name in ("first", "second"):
        machine(name)
        assert harvest(archive, model, chest.url).harvested == 0
        assert chest.names() == before
    seen = folder_to_read(chest.url)
    assert contents(open_lake(seen)) == contents(open_lake(tmp_path / "calm"))
    assert all(check.passed for check in verify(seen))
    assert (seen / "report" / "index.html").exists()


def test_a_killed_run_is_finished_on_another_machine(
    chest: "BucketLake", machine: "Machine", archive: Path, model: str, tmp_path: Path
) -> None:
    harvest(archive, model, str(tmp_path / "calm"))
    command = [sys.executable, "-c", RUN, str(archive), model, chest.url, CONFIG.model_dump_json()]
    with subprocess.Popen(command) as process:
        while process.poll() is None and len(chest.names(COMMITS)) < 2:
            time.sleep(0.01)
        process.kill()
    chest.bucket.remove(["writer.json"])  # else one waits until it looks gone
    machine("second")
    assert 0 < harvest(archive, model, chest.url).harvested < FILMS
    seen = open_lake(folder_to_read(chest.url))
    assert contents(seen) == contents(open_lake(tmp_path / "calm"))
    assert len(read_records(seen)) == 1, "a killed run is finished, not begun again"


def test_what_an_aborted_run_removed_is_removed_from_the_bucket(
    chest: "BucketLake", model: str, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    for number in range(110):
        (tmp_path / "broken" / f"{number}.dcm").write_bytes(b"no film")
    strict = CONFIG.model_copy(update={"max_rejection_rate": 0.5, "storage": StorageConfig(shard_size=50)})
    with pytest.raises(RejectionRateError):
        run_harvest(RunRequest(str(tmp_path / "broken"), model, folder_to_write(chest.url), config=strict))
    files = read_head(chest.bucket).files
    assert not [path for path in files if "part-" in path]
    assert [record["status"] for record in read_records(open_lake(folder_to_change(chest.url)))] == ["aborted"]


def test_rebox_moves_a_lake_from_disk_and_from_address_to_address(
    chest: "BucketLake", archive: Path, model: str, tmp_path: Path
) -> None:
    harvest(archive, model, str(tmp_path / "disk"))
    rebox(tmp_path / "disk", folder_to_write(chest.url))
    assert harvest(archive, model, chest.url).harvested == 0
    source, out = folder_to_read(chest.url), "s3://hospital/lakes/reboxed"
    rebox(source, folder_to_write(out))
    assert contents(open_lake(folder_to_read(out)))["boxes"] == contents(open_lake(source))["boxes"]
    with pytest.raises(LakeError, match="into itself"):
        rebox(source, folder_to_write(chest.url))


def test_who_is_forgotten_is_gone_from_the_bucket_at_once(
    chest: "BucketLake", archive: Path, model: str, make_dicom: Callable[..., bytes], film: NDArray[np.uint8]
) -> None:
    (archive / "named.dcm").write_bytes(make_dicom(film, PatientID="4711"))
    harvest(archive, model, chest.url)
    seen = folder_to_read(chest.url)
    before = {one.object for one in read_head(chest.bucket).files.values()}
    assert forget(folder_to_change(chest.url), "4711").instances == 1
    assert not seen.exists()
    after = {one.object for one in read_head(chest.bucket).files.values()}
    assert chest.names(OBJECTS) == after
    assert {name for name in before - after if "instances/" in name}
    assert query(folder_to_query(chest.url), "SELECT count(*) AS films FROM instances").to_pylist() == [
        {"films": FILMS}
    ]
    assert harvest(archive, model, chest.url).harvested == 0
