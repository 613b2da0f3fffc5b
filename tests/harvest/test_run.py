"""Runs over a small archive: every object in one state, nothing twice, and the same rows after a kill."""

from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from harvest.config import DecodeConfig, EngineConfig, GateConfig, HarvestConfig, StorageConfig
from harvest.errors import ArchiveError, RejectionRateError, SettingsError, TableError
from harvest.lake import SCHEMAS, open_lake
from harvest.phantom.sketch import sketch_chest
from harvest.run import RunRequest, RunSummary, run_harvest
from harvest.store import query
from harvest.verify import verify

CONFIG = HarvestConfig(
    engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=1),
    gate=GateConfig(mode="both"),
    decode=DecodeConfig(min_side=32),
    storage=StorageConfig(shard_size=3),
)


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sketch_chest(seed, 90, 70)).save(path)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for index in range(9):
        draw(tmp_path / "archive" / f"patient{index % 3}" / f"film{index}.png", index)
    (tmp_path / "archive" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    (tmp_path / "archive" / "empty.dcm").touch()
    return tmp_path / "archive"


@pytest.fixture
def request_(archive: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    return RunRequest(str(archive), str(tiny_bundle_path), tmp_path / "lake", config=CONFIG)


def rows(lake: Path, summary: RunSummary | None = None) -> dict[str, pa.Table]:
    """All part files of a lake, ordered, without the run id."""
    opened = open_lake(lake)
    fingerprint = next(opened.folder("crosswalk").iterdir()).stem.split("-")[1]
    tables = {}
    for name, schema in SCHEMAS.items():
        columns = [column for column in schema.names if column != "run_id"]
        table = opened.read_column_set(name, fingerprint, columns)
        order = [(column, "ascending") for column in ("instance_key", "finding", "rank") if column in columns]
        tables[name] = table.sort_by(order)
    return tables


def test_every_object_ends_in_one_state_and_a_second_run_adds_nothing(request_: RunRequest) -> None:
    first = run_harvest(request_)
    assert (first.objects, first.harvested, first.states.total()) == (11, 11, 11)
    assert first.states["rejected"] == 2
    assert sum(first.findings.values()) > 0
    assert all(check.passed for check in verify(request_.lake))
    before = rows(request_.lake)
    again = run_harvest(request_)
    assert (again.harvested, again.record) == (0, None)
    assert rows(request_.lake) == before
    assert len(list((request_.lake / "runs").iterdir())) == 1


def test_new_and_changed_objects_alone_are_harvested(request_: RunRequest, archive: Path) -> None:
    run_harvest(request_)
    draw(archive / "patient0" / "new.png", 77)
    draw(archive / "patient1" / "film1.png", 78)
    (archive / "patient2" / "film2.png").unlink()
    second = run_harvest(request_)
    assert second.harvested == 2
    counts = query(request_.lake, "select vanished, count(*) as films from instances group by all order by all")
    assert counts.to_pylist() == [{"vanished": False, "films": 11}, {"vanished": True, "films": 1}]
    assert all(check.passed for check in verify(request_.lake))


def test_batch_and_workers_do_not_change_the_rows(request_: RunRequest, tmp_path: Path) -> None:
    run_harvest(request_)
    engine = CONFIG.engine.model_copy(update={"decode_workers": 0})
    other = RunRequest(
        request_.archive, request_.model, tmp_path / "other", config=CONFIG.model_copy(update={"engine": engine}),
        site_key=request_.lake / "private" / "site.key",
    )  # fmt: skip
    run_harvest(other)
    assert rows(other.lake) == rows(request_.lake)


def test_labels_gate_what_the_table_asserts(request_: RunRequest, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("Image Index,Finding Labels,Patient ID\nfilm0.png,Mass|Nodule,7\nfilm1.png,No Finding,8\n")
    config = CONFIG.model_copy(update={"gate": GateConfig(mode="labels"), "identifiers": "keep"})
    run_harvest(RunRequest(request_.archive, request_.model, request_.lake, table, config))
    boxes = query(request_.lake, "select distinct source_uri, finding from boxes order by all").to_pylist()
    assert boxes == [{"source_uri": "archive/patient0/film0.png", "finding": name} for name in ("Mass", "Nodule")]
    known = query(request_.lake, "select patient_key from instances where patient_key is not null order by all")
    assert known["patient_key"].to_pylist() == ["7", "8"]


def test_a_label_table_of_other_films_is_refused(request_: RunRequest, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("Image Index,Finding Labels\nsomething.png,Mass\n")
    with pytest.raises(TableError, match="no film"):
        run_harvest(RunRequest(request_.archive, request_.model, request_.lake, table, CONFIG))


def test_an_empty_archive_is_an_error(request_: RunRequest, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ArchiveError, match="no files"):
        run_harvest(RunRequest(str(tmp_path / "nothing"), request_.model, request_.lake, config=CONFIG))


def test_another_site_key_is_refused(request_: RunRequest, tmp_path: Path) -> None:
    run_harvest(request_)
    (tmp_path / "key").write_bytes(bytes(32))
    with pytest.raises(SettingsError, match="not the site key"):
        run_harvest(
            RunRequest(request_.archive, request_.model, request_.lake, config=CONFIG, site_key=tmp_path / "key")
        )


def test_too_many_rejections_abort_and_publish_nothing(request_: RunRequest, archive: Path) -> None:
    run_harvest(request_)
    before = rows(request_.lake)
    for index in range(100):
        (archive / f"bad{index:03}.png").write_bytes(b"\x89PNG\r\n\x1a\nbad")
    strict = CONFIG.model_copy(update={"max_rejection_rate": 0.5})
    with pytest.raises(RejectionRateError, match="nothing was published"):
        run_harvest(RunRequest(request_.archive, request_.model, request_.lake, config=strict))
    assert rows(request_.lake) == before
    statuses = sorted(
        path.read_text().split('"status": "')[1].split('"')[0] for path in (request_.lake / "runs").iterdir()
    )
    assert statuses == ["aborted", "complete"]
