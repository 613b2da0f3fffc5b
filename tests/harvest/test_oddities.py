"""What is unusual about files is handled and can be counted; the same film twice is told apart from two films."""

from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from harvest.config import DecodeConfig, EngineConfig, HarvestConfig
from harvest.decode import iter_decode
from harvest.phantom.sketch import sketch_chest
from harvest.questions import run_question
from harvest.run import RunRequest, run_harvest
from harvest.store import query

MakeDicom = Callable[..., bytes]
Film = npt.NDArray[np.uint8]


def oddities(data: bytes) -> tuple[str, ...]:
    (outcome,) = iter_decode(data, DecodeConfig())
    assert outcome.image is not None, outcome.rejection
    return outcome.header.oddities


def saved(data: bytes, change: Callable[[Any], None]) -> bytes:
    dataset = dcmread(BytesIO(data))
    change(dataset)
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def without_meta(data: bytes) -> bytes:
    dataset = dcmread(BytesIO(data))
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    write_dataset(file, dataset)
    return file.getvalue()


def test_an_ordinary_file_has_none(film: Film, make_dicom: MakeDicom) -> None:
    assert oddities(make_dicom(film)) == ()


def test_each_is_named(film: Film, make_dicom: MakeDicom) -> None:
    data = make_dicom(film)
    assert oddities(data[132:]) == ("no_preamble",)
    assert oddities(without_meta(data)) == ("no_preamble", "no_meta_header")
    assert oddities(saved(data, lambda ds: ds.private_block(0x0099, "X", create=True).add_new(1, "LO", "Y"))) == (
        "private_tags",
    )
    assert oddities(make_dicom(film, SpecificCharacterSet="ISO_IR 192")) == ("extended_character_set",)
    assert oddities(make_dicom(film, SpecificCharacterSet="ISO_IR 6")) == ()
    unknown = make_dicom(film, SpecificCharacterSet="ISO_IR 100").replace(b"ISO_IR 100", b"WHATEVER 7")
    assert oddities(unknown) == ("extended_character_set", "unknown_character_set")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, make_dicom: MakeDicom, tiny_bundle_path: Path) -> Path:
    """Of five files one instance is there twice, and one picture under two UIDs and as PNG."""
    root = tmp_path_factory.mktemp("repeated")
    (root / "archive").mkdir()
    one, other = sketch_chest(1, 96, 80), sketch_chest(2, 96, 80)
    files = {
        "a.dcm": make_dicom(one, SOPInstanceUID="1.2.1"),
        "again.dcm": make_dicom(one, SOPInstanceUID="1.2.1")[132:],
        "b.dcm": make_dicom(one, SOPInstanceUID="1.2.2"),
        "c.dcm": make_dicom(other, SOPInstanceUID="1.2.3", SpecificCharacterSet="ISO_IR 192"),
    }
    for name, data in files.items():
        (root / "archive" / name).write_bytes(data)
    Image.fromarray(one).save(root / "archive" / "d.png")
    config = HarvestConfig(identifiers="keep", engine=EngineConfig(device="cpu", precision="fp32", decode_workers=0))
    run_harvest(RunRequest(str(root / "archive"), str(tiny_bundle_path), root / "lake", config=config))
    return root / "lake"


def answer(lake: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run_question(lake, name, {}).to_pylist()
    return rows


def test_equal_pixels_share_a_key_that_is_no_open_digest(lake: Path) -> None:
    rows = query(lake, "SELECT source_uri, state, pixel_key FROM instances ORDER BY source_uri").to_pylist()
    keys = [row["pixel_key"] for row in rows]
    assert len(set(keys)) == 2 and keys.count(keys[0]) == 4
    assert [row["state"] == "rejected" for row in rows] == [False, True, False, False, False]


def test_what_is_there_twice_is_told(lake: Path) -> None:
    instance, pixels = answer(lake, "repeated_films")
    assert (instance["kind"], instance["copies"], instance["harvested"]) == ("same instance", 2, 1)
    assert [uri.rpartition("/")[2] for uri in instance["source_uris"]] == ["a.dcm", "again.dcm"]
    assert (pixels["kind"], pixels["copies"], pixels["harvested"]) == ("same pixels", 4, 3)


def test_what_is_unusual_is_counted(lake: Path) -> None:
    counted = {row["flag"]: (row["instances"], row["rejected"]) for row in answer(lake, "unusual_files")}
    assert counted == {"no_preamble": (1, 1), "extended_character_set": (1, 0)}


def test_verdicts_are_counted(lake: Path) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for row in answer(lake, "chest_verdicts"):
        counted[row["header_verdict"], row["pixel_verdict"]] += row["instances"]
    assert counted == {("chest", "chest"): 4, ("no header", "chest"): 1}
