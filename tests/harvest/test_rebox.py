"""Boxes cut again from stored maps: the same ones under the same settings, others under others."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from harvest.config import BoxConfig, EngineConfig, FindingConfig, GateConfig, HarvestConfig, StorageConfig
from harvest.errors import LakeError, SettingsError
from harvest.lake import SCHEMAS, open_lake
from harvest.phantom.sketch import sketch_chest
from harvest.rebox import ReboxConfig, rebox
from harvest.run import RunRequest, run_harvest
from harvest.store import query
from harvest.verify import verify

ENGINE = EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0)
Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory, tiny_bundle_path: Path) -> RunRequest:
    """Six sketches, DICOM-free, one broken; labels for two."""
    root = tmp_path_factory.mktemp("rebox")
    (root / "archive").mkdir()
    for index in range(6):
        Image.fromarray(sketch_chest(index, 170, 140)).save(root / "archive" / f"film{index}.png")
    (root / "archive" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    (root / "labels.csv").write_text("Image Index,Finding Labels\nfilm0.png,Mass|Nodule\nfilm1.png,No Finding\n")
    config = HarvestConfig(engine=ENGINE, storage=StorageConfig(shard_size=3))
    request = RunRequest(str(root / "archive"), str(tiny_bundle_path), root / "lake", root / "labels.csv", config)
    run_harvest(request)
    shutil.rmtree(root / "archive")
    return request


def tables(lake: Path) -> Tables:
    """All rows of a lake, without the run's id."""
    opened = open_lake(lake)
    fingerprint = next(opened.folder("crosswalk").iterdir()).stem.split("-")[1]
    return {
        name: opened.read_column_set(name, fingerprint, [column for column in schema.names if column != "run_id"])
        for name, schema in SCHEMAS.items()
    }


def test_unchanged_settings_give_the_same_rows_without_the_archive(request_: RunRequest, tmp_path: Path) -> None:
    before = tables(request_.lake)
    assert before["boxes"].num_rows > 6
    summary = rebox(request_.lake, tmp_path / "lake2")
    assert tables(tmp_path / "lake2") == before
    assert summary.before == summary.after
    assert summary.record["boxes"] == before["boxes"].num_rows
    assert all(check.passed for check in verify(tmp_path / "lake2"))
    assert tables(request_.lake) == before


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        (ReboxConfig(boxes=BoxConfig(thresholds=(0.3, 0.8), max_boxes=1)),
         {"boxes": BoxConfig(thresholds=(0.3, 0.8), max_boxes=1)}),
        (ReboxConfig(boxes=BoxConfig(merge="raw")), {"boxes": BoxConfig(merge="raw")}),
        (ReboxConfig(gate=GateConfig(mode="labels")), {"gate": GateConfig(mode="labels")}),
        (ReboxConfig(findings={"Mass": FindingConfig(gate=0.9, thresholds=(0.6,))}),
         {"findings": {"Mass": FindingConfig(gate=0.9, thresholds=(0.6,))}}),
    ],
    ids=["thresholds", "merge", "gate", "finding"],
)  # fmt: skip
def test_other_settings_give_what_a_run_with_them_would(
    request_: RunRequest, tmp_path: Path, settings: ReboxConfig, config: dict[str, object]
) -> None:
    rebox(request_.lake, tmp_path / "lake2", settings)
    assert all(check.passed for check in verify(tmp_path / "lake2"))
    expected = request_.config.model_copy(update=config)
    record = query(tmp_path / "lake2", "SELECT config_fingerprint, model_digest, engine FROM runs").to_pylist()[0]
    assert record["config_fingerprint"] == expected.fingerprint(record["model_digest"], record["engine"])
    changed = tables(tmp_path / "lake2")["boxes"], tables(request_.lake)["boxes"]
    assert changed[0] != changed[1]


def test_boxes_without_stored_maps_are_refused(request_: RunRequest, tmp_path: Path) -> None:
    nothing = ReboxConfig(findings={"Mass": FindingConfig(gate=0.0)})
    sparse = tmp_path / "sparse"
    shutil.copytree(request_.lake, sparse)
    for part in (sparse / "attention").glob("*.parquet"):
        table = pa.parquet.read_table(part)
        pa.parquet.write_table(table.slice(0, 0), part)
    with pytest.raises(SettingsError, match="no maps"):
        rebox(sparse, tmp_path / "lake2", nothing)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        (ReboxConfig(findings={"Fracture": FindingConfig(gate=0.5)}), "no finding 'Fracture'"),
        (ReboxConfig(boxes=BoxConfig(thresholds=(1.5,))), "between 0 and 1"),
    ],
)
def test_impossible_settings_are_named(request_: RunRequest, tmp_path: Path, settings: ReboxConfig, error: str) -> None:
    with pytest.raises(SettingsError, match=error):
        rebox(request_.lake, tmp_path / "lake2", settings)


def test_a_lake_is_not_cut_into_itself(request_: RunRequest) -> None:
    with pytest.raises(LakeError, match="another folder"):
        rebox(request_.lake, request_.lake)
