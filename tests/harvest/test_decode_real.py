"""Real DICOM files and films, where they are at hand (``IAM_REAL_DATA``)."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.decode.dataset import read_object
from harvest.decode.frames import iter_frames
from harvest.decode.layout import read_layout
from harvest.geometry import Placement

REAL = Path(os.environ.get("IAM_REAL_DATA", "/nonexistent"))
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="IAM_REAL_DATA names no folder")


def manifest() -> list[dict[str, str]]:
    path = REAL / "dicom" / "manifest.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stored_values(name: str) -> np.ndarray:
    config = DecodeConfig()
    source = read_object((REAL / "dicom" / "chest" / name).read_bytes(), config.max_bytes)
    return next(iter_frames(source, read_layout(source, config))).values.astype(np.int64)


@pytest.mark.parametrize("row", manifest(), ids=lambda row: f"{row['folder']}/{row['file']}")
def test_every_file_ends_as_expected(row: dict[str, str]) -> None:
    data = (REAL / "dicom" / row["folder"] / row["file"]).read_bytes()
    outcomes = list(iter_decode(data, DecodeConfig()))
    states = {"accepted" if outcome.image is not None else "rejected" for outcome in outcomes}
    assert states == {row["expected_state"] or states.copy().pop()}
    if row["folder"] == "chest":
        assert [outcome.image.recipe["flags"] for outcome in outcomes if outcome.image] == [[]]


def test_lossless_twins_are_equal_and_lossy_ones_near() -> None:
    uncompressed = stored_values("RG1_UNCR.dcm")
    assert (stored_values("RG1_J2KR.dcm") == uncompressed).all()
    assert np.abs(stored_values("RG1_JLSN.dcm") - uncompressed).max() <= 4


def test_half_size_films_give_the_input_of_their_originals() -> None:
    for path in sorted((REAL / "nih" / "originals_1024").glob("*.png"))[:5]:
        half = REAL / "nih" / "images" / f"{path.stem}.jpg"
        if not half.is_file():
            continue
        (original,) = iter_decode(path.read_bytes(), DecodeConfig())
        assert original.image is not None
        seen = Placement(*original.image.pixels.shape, (512, 512)).to_input(original.image.pixels)
        assert np.abs(seen.astype(int) - np.asarray(Image.open(half).convert("L"))).mean() < 1.5
