"""A made-up patient is harvested, and then searched for in every byte that leaves: nothing of them may be found."""

import base64
import os
import sqlite3
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from harvest.export import FORMATS
from harvest.phantom.sketch import sketch_chest

PATIENT = {
    "PatientName": "Kanarienvogel^Zwitscher",
    "PatientID": "KNR8823541",
    "OtherPatientIDs": "OTH5521877",
    "AccessionNumber": "ACC7719203",
    "PatientBirthDate": "19310613",
    "PatientAddress": "Voliere 17",
    "ReferringPhysicianName": "Papagei^Doktor",
    "InstitutionName": "Klinik Vogelwald",
    "StudyDate": "20210917",
    "StudyTime": "081533.77",
    "StudyID": "STD4417",
    "StudyInstanceUID": "1.2.840.7719203.1",
    "SeriesInstanceUID": "1.2.840.7719203.2",
    "ImageComments": "Zwitscher hustet",
}
SECRETS = [
    "Kanarienvogel", "Zwitscher", "KNR8823541", "OTH5521877", "ACC7719203", "7719203", "Voliere", "Papagei",
    "Vogelwald", "STD4417", "19310613", "1931-06-13", "20210917", "2021-09-17", "17.09.2021", "081533",
    "PRIVAT66",
]  # fmt: skip
PLACE = "Kanarienvogel_KNR8823541"
"""Archives name folders and files after patients."""


def dicom(number: int, **tags: Any) -> bytes:
    pixels = sketch_chest(number, 150, 130)
    dataset = Dataset()
    described = PATIENT | {"SOPClassUID": uid.ComputedRadiographyImageStorage, "Modality": "CR"}
    described |= {"SOPInstanceUID": f"1.2.840.7719203.3.{number}", "BodyPartExamined": "CHEST", "ViewPosition": "PA"}
    described |= {"Rows": 150, "Columns": 130, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    described |= {"SamplesPerPixel": 1, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"}
    for keyword, value in (described | tags).items():
        setattr(dataset, keyword, value)
    dataset.private_block(0x0099, "VOGEL", create=True).add_new(1, "LO", "PRIVAT66")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def write_archive(root: Path, broken: int) -> Path:
    """Films, rejected films and broken files, all of them the patient's; a label table that names the patient."""
    folder = root / "ward" / PLACE
    folder.mkdir(parents=True)
    whole = dicom(1)
    files = {
        "1.dcm": whole,
        "Zwitscher_twin.dcm": whole,
        "hand.dcm": dicom(2, BodyPartExamined="ZWITSCHER"),
        "cut.dcm": whole[:-5000],
        "age.dcm": dicom(3).replace(b"19310613", b"Zwitsche"),
        "no_syntax.dcm": dicom(4)[132:],
        "7719203.dcm": whole.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.7719203.77\0\0"),
    }
    files |= {f"KNR8823541_{number}.dcm": b"\0" * 128 + b"DICM" + b"Zwitscher" * 9 for number in range(broken)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Image.fromarray(sketch_chest(9, 150, 130)).save(folder / "KNR8823541.png")
    (root / "labels.csv").write_text("Image Index,Finding Labels,Patient ID\nKNR8823541.png,Mass,KNR8823541\n")
    return root / "ward"


def forms(secret: str) -> Iterator[bytes]:
    """The secret in the encodings in which it may travel; base64 at all three phases."""
    yield from (secret.encode(name) for name in ("utf-8", "utf-16-le", "utf-16-be"))
    value = secret.encode()
    for phase in range(3):
        letters = base64.b64encode(b"\0" * phase + value + b"\0" * 3)
        yield letters[-(-8 * phase // 6) : 8 * (phase + len(value)) // 6]


FORMS = [(secret, form) for secret in SECRETS for form in forms(secret)]


def hits(name: str, content: bytes) -> Iterator[str]:
    lowered = content.lower()
    yield from (f"{secret} in {name}" for secret, form in FORMS if form in content or form.lower() in lowered)


def search(root: Path) -> Iterator[str]:
    """Search names and bytes of all files but those of ``private/``; tables and databases unpacked, too."""
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith("private") or not path.is_file():
            continue
        content = path.read_bytes() + name.encode()
        if path.suffix == ".parquet":
            content += repr(pq.read_table(path).to_pylist()).encode() + repr(pq.read_schema(path).metadata).encode()
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = [row[0] for row in connection.execute("show tables").fetchall()]
                content += repr([connection.table(one).fetchall() for one in tables]).encode()
        if content.startswith(b"SQLite format 3"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                content += "\n".join(database.iterdump()).encode()
        yield from hits(name, content)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    write_archive(tmp_path, broken=1)
    assert {hit.partition(" in ")[0] for hit in search(tmp_path)} >= {"Zwitscher", "KNR8823541", "PRIVAT66"}
    for secret in SECRETS:
        for wrapped in (f"x{secret}y", f"xx{secret}yy", f"xxx{secret}"):
            assert list(hits("base64", base64.b64encode(wrapped.encode())))


def harvest(cli: Callable[..., Any], archive: Path, bundle: Path, lake: Path, *options: object) -> Iterator[str]:
    """Harvest, ask, look and export; yield whatever of the patient is seen on the terminal, in lake or exports."""
    labels = ("--labels", archive.parent / "labels.csv", "--gate", "both")
    commands = [
        ("run", archive, "--model", bundle, "--out", lake, "--device", "cpu", *labels, *options),
        ("run", archive, "--model", bundle, "--out", lake, "--json", *labels, *options),
        ("sql", lake, "rejections_by_reason"),
        ("report", lake),
        ("verify", lake),
        ("run", archive / PLACE / "cut.dcm", "--model", "Zwitscher_bundle", "--out", lake),
    ]
    exports = lake.with_name(f"{lake.name}_exports")
    commands += [("export", lake, "--format", name, "--out", exports / name) for name in FORMATS]
    for command in commands:
        outcome = cli(*command)
        assert outcome.out or outcome.err
        told = outcome.out + outcome.err
        yield from hits(f"output of {command[0]}", told.replace("Zwitscher_bundle", "").encode())
    assert {path.name for path in exports.iterdir()} == set(FORMATS)
    yield from search(lake)
    yield from search(exports)


def test_nothing_of_the_patient_leaves(cli: Callable[..., Any], tiny_bundle_path: Path, tmp_path: Path) -> None:
    archive = write_archive(tmp_path, broken=3)
    assert not list(harvest(cli, archive, tiny_bundle_path, tmp_path / "lake"))


@pytest.mark.services
@pytest.mark.timeout(600)
def test_nothing_of_the_patient_reaches_prefect(
    cli: Callable[..., Any], tiny_bundle_path: Path, tmp_path: Path
) -> None:
    from flows.prefect_server import temporary_server

    archive = write_archive(tmp_path, broken=110)
    with temporary_server():
        assert not list(harvest(cli, archive, tiny_bundle_path, tmp_path / "lake"))
        stopped = cli(
            "run", archive, "--model", tiny_bundle_path, "--out", tmp_path / "lake2", "--max-rejection-rate", 0.1
        )
        assert stopped.code == 1 and "nothing was published" in stopped.err
        assert not list(hits("error", stopped.err.encode())) and not list(search(tmp_path / "lake2"))
        home = Path(os.environ["PREFECT_HOME"])
        assert list(home.rglob("*.db")), "no database to search"
        assert not list(search(home))
