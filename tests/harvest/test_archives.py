"""One hospital, served in every way: equal rows from each.

A few films, unless HOSPITAL_FILMS says how many; ``make test-services`` asks for 2,000.
"""

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
from PIL import Image
from pydicom import Dataset, dcmread

from harvest.config import LABELED_FILMS, ArchiveConfig, EngineConfig, FindingConfig, HarvestConfig, StorageConfig
from harvest.lake import SCHEMAS, open_lake
from harvest.phantom.archive import PhantomRange, write_archive
from harvest.phantom.sketch import sketch_chest
from harvest.pipeline import ShardSummary
from harvest.receiving.receiver import receiving
from harvest.receiving.spec import ReceiverSpec
from harvest.run import Observer, RunRequest, Session, run_harvest
from models.findings import FINDINGS

Rows = dict[str, list[dict[str, Any]]]
Harvest = Callable[..., Rows]
FILMS = int(os.environ.get("HOSPITAL_FILMS", "24"))
DRAWN = 12
"""Phantoms that the films are copies of, each with a number, a patient and a window of its own."""
pytestmark = [pytest.mark.services, pytest.mark.timeout(max(300, FILMS))]
CONFIG = HarvestConfig(
    # each film has two findings, which tell as much as fourteen
    findings={name: FindingConfig(gate=float(at > 1)) for at, name in enumerate(FINDINGS)},
    engine=EngineConfig(batch_size=4 if FILMS < 100 else 16),
    decode=LABELED_FILMS,  # whether copies look like chests is not the question
    storage=StorageConfig(shard_size=max(FILMS // 8, 4), attention_above=1),
    archive=ArchiveConfig(requests_per_second=2000),
)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of DICOM films in wards, some pictures, and a file that is no film."""
    root = tmp_path_factory.mktemp("films")
    drawn = write_archive(root, PhantomRange(DRAWN, "dicom", seed=9, long_side=256), workers=1).images
    originals = [dcmread(path) for path in sorted(drawn.rglob("*.dcm"))]
    folder = root / "hospital"
    for number in range(FILMS):
        path = folder / f"WARD{number // 100:02}" / f"IM{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        numbered(originals[number % DRAWN], number).save_as(path)
    for number in range(4):
        Image.fromarray(sketch_chest(number, 120, 90)).save(folder / f"film{number}.png")
    (folder / "readme.txt").write_text("not a film")
    return folder


def numbered(original: Dataset, number: int) -> Dataset:
    """Give a film names of its own, and another brightness; two films share a study."""
    film = Dataset(original)
    film.file_meta, film.preamble = original.file_meta, original.preamble
    film.SOPInstanceUID, film.SeriesInstanceUID = f"2.25.7{number:06}1", f"2.25.7{number:06}2"
    film.StudyInstanceUID, film.PatientID = f"2.25.7{number // 2:06}3", f"PH0{number // 2:06}"
    film.WindowCenter = float(original.WindowCenter) * (1 + number // DRAWN / FILMS)
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    return film


@pytest.fixture(scope="module")
def harvest(tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Harvest:
    """Harvest an archive into a new lake under one site key; returns its rows, without what names the run."""
    key = tmp_path_factory.mktemp("key") / "site.key"
    key.write_bytes(bytes(range(32)))

    def rows(archive: str, observer: Observer | None = None, **more: Any) -> Rows:
        lake = tmp_path_factory.mktemp("lake") / "lake"
        request = RunRequest(archive, str(tiny_bundle_path), lake, config=CONFIG, site_key=key, **more)
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


@pytest.fixture(scope="module")
def rows(hospital: Path, harvest: Harvest) -> Rows:
    """What the folder gives: every film has a state, and none is lost."""
    found = harvest(str(hospital))
    states = [row["state"] for row in found["instances"]]
    assert (len(states), states.count("rejected")) == (FILMS + 5, 1)
    assert len(found["boxes"]) > states.count("localized") > FILMS / 10
    return found


@pytest.fixture(scope="module")
def dicom_rows(rows: Rows) -> Rows:
    """The part of them that a PACS holds, too."""
    films = {one["instance_key"] for one in rows["crosswalk"] if one["path"].startswith("WARD")}
    return {table: [one for one in of_table if one["instance_key"] in films] for table, of_table in rows.items()}


def files(folder: Path, under: str = "") -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob(f"{under}*") if path.is_file())
    return sorted(found)


def as_zip(folder: Path, place: Path) -> Path:
    with zipfile.ZipFile(place / "hospital.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name in files(folder):
            packed.write(folder / name, name)
    return place / "hospital.zip"


def as_tar(folder: Path, place: Path) -> Path:
    with tarfile.open(place / "hospital.tar.gz", "w:gz", compresslevel=1) as packed:
        packed.add(folder, ".")
    return place / "hospital.tar.gz"


def as_list(folder: Path, place: Path) -> Path:
    (place / "hospital.csv").write_text("\n".join(["path", *(str(folder / name) for name in files(folder))]))
    return place / "hospital.csv"


@pytest.mark.parametrize("serve", [as_zip, as_tar, as_list], ids=lambda serve: serve.__name__)
def test_every_way_to_serve_an_archive_gives_the_rows_of_its_folder(
    hospital: Path, harvest: Harvest, rows: Rows, tmp_path: Path, serve: Callable[[Path, Path], Path]
) -> None:
    root = str(hospital) if serve is as_list else None
    assert harvest(str(serve(hospital, tmp_path)), root=root) == rows


@pytest.mark.skipif(shutil.which("dcmmkdir") is None, reason="dcmtk is not installed (apt-get install dcmtk)")
def test_a_disc_gives_the_rows_of_its_folder(
    hospital: Path, harvest: Harvest, dicom_rows: Rows, tmp_path: Path
) -> None:
    disc = Path(shutil.copytree(hospital, tmp_path / "disc", copy_function=os.link))
    films = [name for name in files(disc) if name.startswith("WARD")]
    subprocess.run(["dcmmkdir", "-q", "+I", "-Nxc", *films], cwd=disc, check=True)
    assert harvest(str(disc / "DICOMDIR"), archive_name="hospital") == dicom_rows


@pytest.mark.usefixtures("s3")
def test_a_bucket_gives_the_rows_of_the_folder(hospital: Path, harvest: Harvest, rows: Rows) -> None:
    store = from_url("s3://hospital/by/year/hospital")
    for name in files(hospital):
        store.put(name, (hospital / name).read_bytes())
    assert harvest("s3://hospital/by/year/hospital") == rows


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


@pytest.fixture
def pacs(hospital: Path, orthanc: Any, tmp_path: Path) -> Any:
    """A PACS that holds the hospital's DICOM films."""
    films = tmp_path / "pacs.zip"
    with zipfile.ZipFile(films, "w") as packed:
        for path in sorted(hospital.glob("WARD*/*")):
            packed.write(path, path.name)
    orthanc.store(films.read_bytes())
    return orthanc


def test_a_pacs_gives_the_rows_of_the_folder_also_when_it_restarts_in_between(
    harvest: Harvest, pacs: Any, dicom_rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    outage = Outage(pacs)
    from_pacs = harvest(pacs.url, outage, archive_name="hospital")
    outage.back.join()
    assert "does not answer" in caplog.text
    assert not any(word in caplog.text for word in (pacs.PASSWORD, "PH0", "2.25."))
    assert anywhere(from_pacs) == anywhere(dicom_rows)


def test_what_a_pacs_sends_gives_the_rows_of_the_folder_once(
    harvest: Harvest, pacs: Any, dicom_rows: Rows, tiny_bundle_path: Path, tmp_path: Path
) -> None:
    spec = ReceiverSpec(inbox=tmp_path / "inbox", port=pacs.receiver_port)
    request = RunRequest(str(spec.inbox), str(tiny_bundle_path), tmp_path / "lake", config=CONFIG)
    with receiving(spec):
        assert run_harvest(request).objects == 0
        pacs.send_all(spec.ae_title)
        assert run_harvest(request).harvested == FILMS
        pacs.send_all(spec.ae_title)
        assert run_harvest(request).harvested == 0
    assert anywhere(harvest(str(spec.inbox), archive_name="hospital")) == anywhere(dicom_rows)


def anywhere(rows: Rows) -> Rows:
    """Leave out what tells where an object lies, which a PACS says in its own way."""
    place = {"object_key", "source_uri", "path", "size"}
    return {
        table: sorted(({name: one[name] for name in one if name not in place} for one in of_table), key=repr)
        for table, of_table in rows.items()
    }
