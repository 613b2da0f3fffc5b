"""PNG and JPEG films: depth, alpha, palettes, colour, EXIF, bombs."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import Reason
from harvest.geometry import Placement
from harvest.records import DecodedImage, DecodeOutcome

Film = npt.NDArray[np.uint8]
EXIF_TURNS: dict[int, Callable[[Film], Film]] = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: upright[::-1, ::-1],
    4: np.flipud,
    5: lambda upright: upright.T,
    6: np.rot90,
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: np.rot90(upright, -1),
}
"""By EXIF orientation: how an upright film is stored."""


def decode_one(data: bytes) -> DecodeOutcome:
    (outcome,) = iter_decode(data, DecodeConfig(max_pixels=10**6))
    return outcome


def image_of(data: bytes) -> DecodedImage:
    outcome = decode_one(data)
    assert outcome.image is not None, outcome.rejection
    return outcome.image


def reason(data: bytes) -> Reason | None:
    rejection = decode_one(data).rejection
    return None if rejection is None else rejection.reason


def encode(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_grey_in_any_mode_is_the_same_film(film: Film, mode: str) -> None:
    image = Image.fromarray(film).convert(mode)
    if mode in {"LA", "RGBA"}:
        image.putalpha(Image.fromarray(film[::-1]))
    decoded = image_of(encode(image))
    assert (decoded.pixels == film).all()
    assert decoded.recipe["voi"] == "none" and not decoded.recipe["inverted"]


def test_sixteen_bits_are_windowed_by_percentiles(film: Film) -> None:
    decoded = image_of(encode(Image.fromarray(film.astype(np.uint16) * 4 + 500)))
    assert decoded.recipe["voi"] == "percentiles"
    assert decoded.pixels.min() == 0 and decoded.pixels.max() == 255
    assert np.corrcoef(decoded.pixels.ravel(), film.ravel())[0, 1] > 0.999


def test_nearly_grey_jpeg_is_a_film(film: Film) -> None:
    decoded = image_of(encode(Image.fromarray(film).convert("RGB"), "JPEG", quality=80))
    assert np.abs(decoded.pixels.astype(int) - film).mean() < 4


def test_colour_is_no_film(film: Film) -> None:
    coloured = np.stack([film, film[::-1], film], axis=2)
    assert reason(encode(Image.fromarray(coloured))) is Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION
    assert reason(encode(Image.fromarray(coloured).convert("CMYK"), "JPEG")) is not None


def test_one_bit_and_one_level_are_no_films(film: Film) -> None:
    assert reason(encode(Image.fromarray(film).convert("1"))) is Reason.UNSUPPORTED_BIT_DEPTH
    assert reason(encode(Image.new("L", (80, 90), 7))) is Reason.CONSTANT_IMAGE
    assert reason(encode(Image.new("L", (80, 63), 7))) is Reason.IMAGE_TOO_SMALL


@pytest.mark.parametrize("value", EXIF_TURNS)
def test_exif_says_how_the_film_is_turned(film: Film, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    stored = Image.fromarray(np.ascontiguousarray(EXIF_TURNS[value](film)))
    decoded = image_of(encode(stored, "PNG", exif=exif))
    assert (decoded.pixels == np.asarray(stored)).all()
    placement = Placement(*decoded.pixels.shape, film.shape, decoded.orientation)
    assert (placement.to_input(decoded.pixels) == film).all()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_what_ends_too_early_is_no_film(film: Film, file_format: str, share: float) -> None:
    data = encode(Image.fromarray(film), file_format)
    assert reason(data[: int(len(data) * share)]) is Reason.DECODE_FAILED


@pytest.mark.parametrize("side", [2_000, 10_000, 60_000])
def test_a_small_file_of_many_pixels_is_not_decoded(side: int) -> None:
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    assert reason(data) is Reason.IMAGE_TOO_LARGE
