"""Mutated films of every encoding: decoding never raises, and every outcome is an image or a rejection."""

from itertools import islice

import numpy as np
import pytest

from harvest.batches import iter_films
from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import Reason
from harvest.phantom.encodings import encodings
from harvest.phantom.mutants import MutantArchive
from harvest.phantom.render import render_film

CONFIG = DecodeConfig(max_bytes=2**22, max_pixels=200_000, max_frames=4, max_seconds=4)
NAMES = [(name, bits) for bits in (8, 12) for name in encodings(bits)]


@pytest.fixture(scope="module")
def films() -> dict[int, np.ndarray]:
    """One phantom with 8 and with 12 bits."""
    pixels = render_film(1, 0, 256).pixels
    return {8: pixels, 12: pixels.astype(np.uint16) * 16}


def check(data: bytes) -> None:
    outcomes = list(iter_decode(data, CONFIG))
    assert [outcome.frame for outcome in outcomes] == list(range(1, len(outcomes) + 1))
    for outcome in outcomes:
        if outcome.image is not None:
            assert outcome.image.pixels.dtype == np.uint8
            assert outcome.image.pixels.size <= CONFIG.max_pixels
    assert all(outcome.image is not None for outcome in outcomes[:-1])


@pytest.mark.parametrize(("name", "bits"), NAMES, ids=str)
def test_the_film_itself_is_read(films: dict[int, np.ndarray], name: str, bits: int) -> None:
    (outcome,) = iter_decode(encodings(bits)[name](films[bits]), CONFIG)
    assert outcome.image is not None, outcome.rejection
    difference = np.abs(outcome.image.pixels.astype(int) - films[8])
    exact = name not in {"JPEGBaseline8Bit", "JPEG file", "JPEG2000", "JPEGLSNearLossless", "JPEGExtended12Bit"}
    windowed = name == "PNG file of 16 bits"  # it says nothing of its window
    assert windowed or (difference.max() <= (1 if exact else 40) and difference.mean() < (0.6 if exact else 4))


def test_mutants_end_in_one_state_each(films: dict[int, np.ndarray]) -> None:
    originals = {f"{name} {bits}": encodings(bits)[name](films[bits]) for name, bits in NAMES}
    archive = MutantArchive(originals, count=160, seed=7)
    objects = list(archive.iter_objects())
    seen = list(iter_films(archive, objects, CONFIG, (96, 96), 2))
    assert [one.source for one in seen if one.frame == 1] == objects
    assert all((one.input is None) != (one.rejection is None) for one in seen)
    reasons = {one.rejection.reason for one in seen if one.rejection}
    assert len(reasons) > 3 and reasons <= set(Reason)


def test_mutants_of_native_films_do_not_raise_in_this_process(films: dict[int, np.ndarray]) -> None:
    names = [name for name in encodings(12) if name.endswith(("Endian", "RLELossless"))]
    archive = MutantArchive({name: encodings(12)[name](films[12]) for name in names}, count=60, seed=3)
    for one in islice(archive.iter_objects(), 60):
        check(archive.read_bytes(one.path, CONFIG.max_bytes))


def test_noise() -> None:
    random = np.random.default_rng(3)
    for length in (1, 7, 131, 132, 133, 5_000):
        noise = random.integers(0, 256, length, dtype=np.uint8).tobytes()
        check(noise)
        check(b"\0" * 128 + b"DICM" + noise)
        check(b"\x08\0\x05\0" + noise)
