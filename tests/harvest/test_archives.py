"""One hospital, served in every way: equal rows from each. Small, unless HOSPITAL_FILMS says how many films it has."""

import os
import shutil
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from obstore.store import from_url

from harvest.config import EngineConfig, HarvestConfig, StorageConfig
from harvest.lake import SCHEMAS, open_lake
from harvest.phantom.archive import PhantomRange, write_archive
from harvest.pipeline import ShardSummary
from harvest.receiving.receiver import receiving
from harvest.receiving.spec import ReceiverSpec
from harvest.run import Observer, RunRequest, Session, run_harvest

Rows = dict[str, list[dict[str, Any]]]
Serve = Callable[[Path, Path], Path]
FILMS = int(os.environ.get("HOSPITAL_FILMS", "6"))
HOSPITAL = PhantomRange(FILMS, "mixed", seed=9, long_side=256)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of phantom films, PNG and DICOM, and a file that is no film."""
    folder = write_archive(tmp_path_factory.mktemp("hospital"), HOSPITAL, workers=1).images
    (folder / "readme.txt").write_text("not a film")
    return folder


@pytest.fixture(scope="module")
def harvest(tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rows]:
    """Harvest an archive into a new lake under one site key; returns its rows, without what names the run."""
    key = tmp_path_factory.mktemp("key") / "site.key"
    key.write_bytes(bytes(range(32)))

    def rows(archive: str, observer: Observer | None = None, **more: Any) -> Rows:
        lake = tmp_path_factory.mktemp("lake") / "lake"
        engine = EngineConfig(batch_size=2 if FILMS < 100 else 16, decode_workers=1)
        storage = StorageConfig(shard_size=2 if FILMS < 100 else 32)
        config = HarvestConfig(engine=engine, storage=storage)
        request = RunRequest(archive, str(tiny_bundle_path), lake, config=config, site_key=key, **more)
        summary = run_harvest(request, observer)
        assert summary.record is not None
        return read_rows(lake, summary.record["config_fingerprint"])

    return rows


def read_rows(root: Path, fingerprint: str) -> Rows:
    lake = open_lake(root)
    unnamed = {"run_id", "shard_id", "mtime_ns"}
    return {
        table: sorted(
            (
                {column: value for column, value in row.items() if column not in unnamed}
                for row in lake.read_column_set(table, fingerprint, schema.names).to_pylist()
            ),
            key=repr,
        )
        for table, schema in SCHEMAS.items()
    }


def files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def as_zip(folder: Path, place: Path) -> Path:
    with zipfile.ZipFile(place / "images.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in files(folder):
            packed.write(folder / name, name)
    return place / "images.zip"


def as_tar(folder: Path, place: Path) -> Path:
    with tarfile.open(place / "images.tar.gz", "w:gz") as packed:
        packed.add(folder, ".")
    return place / "images.tar.gz"


def as_list(folder: Path, place: Path) -> Path:
    (place / "images.csv").write_text("\n".join(["path", *(str(folder / name) for name in files(folder))]))
    return place / "images.csv"


@pytest.mark.parametrize("serve", [as_zip, as_tar, as_list], ids=lambda serve: serve.__name__)
def test_every_way_to_serve_an_archive_gives_the_rows_of_its_folder(
    hospital: Path, harvest: Callable[..., Rows], tmp_path: Path, serve: Serve
) -> None:
    root = str(hospital) if serve is as_list else None
    assert harvest(str(serve(hospital, tmp_path)), root=root) == harvest(str(hospital))


@pytest.mark.skipif(shutil.which("dcmmkdir") is None, reason="dcmtk is not installed (apt-get install dcmtk)")
def test_a_disc_gives_the_rows_of_its_folder(hospital: Path, harvest: Callable[..., Rows], tmp_path: Path) -> None:
    films = sorted(hospital.rglob("*.dcm"))
    for number, path in enumerate(films):
        shutil.copy(path, tmp_path / f"IM{number}")
    bare = harvest(str(tmp_path))
    subprocess.run(
        ["dcmmkdir", "-q", "+I", "-Nxc", *(f"IM{one}" for one in range(len(films)))], cwd=tmp_path, check=True
    )
    assert harvest(str(tmp_path / "DICOMDIR")) == bare


@pytest.mark.services
@pytest.mark.usefixtures("s3")
def test_a_bucket_gives_the_rows_of_the_folder(hospital: Path, harvest: Callable[..., Rows]) -> None:
    store = from_url("s3://hospital/by/year/images")
    for name in files(hospital):
        store.put(name, (hospital / name).read_bytes())
    assert harvest("s3://hospital/by/year/images") == harvest(str(hospital))


class Outage:
    """Stops a server when the first shard is done, and starts it again a little later."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.back = threading.Timer(1.5, server.start)

    def on_plan(self, session: Session) -> None:
        """Nothing yet."""

    def on_shard(self, summary: ShardSummary) -> None:
        if not self.back.is_alive():
            self.server.stop()
            self.back.start()
            self.on_shard = lambda summary: None  # type: ignore[method-assign]


@pytest.mark.services
def test_a_pacs_gives_the_rows_of_the_folder_also_when_it_restarts_in_between(
    hospital: Path, harvest: Callable[..., Rows], orthanc: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, path in enumerate(hospital.rglob("*.dcm")):
        orthanc.store(path.read_bytes())
        shutil.copy(path, tmp_path / f"{number}.dcm")
    outage = Outage(orthanc)
    from_pacs = harvest(orthanc.url, outage, archive_name="hospital")
    outage.back.join()
    assert "does not answer" in caplog.text
    assert not any(word in caplog.text for word in (orthanc.PASSWORD, "PH0", "2.25."))
    assert anywhere(from_pacs) == anywhere(harvest(str(tmp_path), archive_name="hospital"))
    assert {row["state"] for row in from_pacs["instances"]} <= {"localized", "no_finding"}


@pytest.mark.services
def test_what_a_pacs_sends_gives_the_rows_of_the_folder_once(
    hospital: Path, harvest: Callable[..., Rows], orthanc: Any, tiny_bundle_path: Path, dicom_port: int, tmp_path: Path
) -> None:
    spec = ReceiverSpec(inbox=tmp_path / "inbox", port=dicom_port)
    request = RunRequest(str(spec.inbox), str(tiny_bundle_path), tmp_path / "lake")
    films = sorted(hospital.rglob("*.dcm"))
    (tmp_path / "films").mkdir()
    for path in films:
        orthanc.store(path.read_bytes())
        shutil.copy(path, tmp_path / "films")
    with receiving(spec):
        assert run_harvest(request).objects == 0
        orthanc.send_all(spec.ae_title, spec.port)
        assert run_harvest(request).harvested == len(films)
        orthanc.send_all(spec.ae_title, spec.port)
        assert run_harvest(request).harvested == 0
    sent, copied = (harvest(str(tmp_path / name), archive_name="hospital") for name in ("inbox", "films"))
    assert anywhere(sent) == anywhere(copied)


def anywhere(rows: Rows) -> Rows:
    """Leave out what tells where an object lies, which a PACS says in its own way."""
    place = {"object_key", "source_uri", "path", "size"}
    return {
        table: sorted(({name: one[name] for name in one if name not in place} for one in of_table), key=repr)
        for table, of_table in rows.items()
    }
