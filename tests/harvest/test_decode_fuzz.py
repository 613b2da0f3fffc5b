"""Mutated files: decoding never raises, and every outcome is an image or a rejection."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom import uid

from harvest.config import DecodeConfig
from harvest.decode import iter_decode

Film = npt.NDArray[np.uint8]
MakeDicom = Callable[..., bytes]
CONFIG = DecodeConfig(max_bytes=2**20, max_pixels=100_000, max_frames=4)
SYNTAXES = [
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """Change, cut, double or overwrite some bytes, mostly near the start, where the header is."""
    mutated = bytearray(data)
    for _ in range(random.integers(1, 8)):
        reach = random.choice([400, 1_000, len(mutated)])
        at = int(random.integers(min(reach, len(mutated))))
        length = int(random.integers(1, 9))
        piece = random.integers(0, 256, length, dtype=np.uint8).tobytes()
        kind = random.integers(5)
        if kind == 0:
            mutated[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            mutated[at : at + length] = piece
        elif kind == 2:
            mutated[at : at + length] = b"\xff" * length
        elif kind == 3:
            mutated[at:at] = mutated[at : at + 40]
        else:
            del mutated[at : at + length]
    return bytes(mutated[: random.integers(1, len(mutated) + 1)] if random.random() < 0.2 else mutated)


def check(data: bytes) -> None:
    outcomes = list(iter_decode(data, CONFIG))
    assert [outcome.frame for outcome in outcomes] == list(range(1, len(outcomes) + 1))
    for outcome in outcomes:
        if outcome.image is not None:
            assert outcome.image.pixels.dtype == np.uint8
            assert outcome.image.pixels.size <= CONFIG.max_pixels
    assert all(outcome.image is not None for outcome in outcomes[:-1])


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_mutated_dicom(film: Film, make_dicom: MakeDicom, syntax: str) -> None:
    tags = {"PatientOrientation": ["L", "F"], "WindowCenter": 500, "WindowWidth": 900, "PixelSpacing": [0.2, 0.2]}
    data = make_dicom(film.astype(np.uint16) * 4, syntax, BitsStored=10, **tags)
    random = np.random.default_rng(1)
    for _ in range(60):
        check(mutate(data, random))


@pytest.mark.parametrize(("file_format", "depth"), [("PNG", 8), ("PNG", 16), ("JPEG", 8)])
def test_mutated_raster(film: Film, file_format: str, depth: int) -> None:
    buffer = BytesIO()
    Image.fromarray(film if depth == 8 else film.astype(np.uint16) * 200).save(buffer, file_format)
    random = np.random.default_rng(2)
    for _ in range(60):
        check(mutate(buffer.getvalue(), random))


def test_noise() -> None:
    random = np.random.default_rng(3)
    for length in (1, 7, 131, 132, 133, 5_000):
        noise = random.integers(0, 256, length, dtype=np.uint8).tobytes()
        check(noise)
        check(b"\0" * 128 + b"DICM" + noise)
        check(b"\x08\0\x05\0" + noise)
