"""One film in many DICOM encodings is one network input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.geometry import Placement
from harvest.records import DecodedImage

Film = npt.NDArray[np.uint8]
MakeDicom = Callable[..., bytes]
TURNED: dict[tuple[str, str], Callable[[Film], Film]] = {
    ("L", "F"): lambda upright: upright,
    ("R", "F"): np.fliplr,
    ("L", "H"): np.flipud,
    ("R", "H"): lambda upright: upright[::-1, ::-1],
    ("F", "L"): lambda upright: upright.T,
    ("F", "R"): lambda upright: upright.T[::-1],
    ("H", "L"): lambda upright: upright.T[:, ::-1],
    ("H", "R"): lambda upright: upright.T[::-1, ::-1],
}
"""By PatientOrientation: how an upright film is stored."""


def decode(data: bytes) -> DecodedImage:
    (outcome,) = iter_decode(data, DecodeConfig())
    assert outcome.image is not None, outcome.rejection
    return outcome.image


def network_input(image: DecodedImage) -> Film:
    return Placement(*image.pixels.shape, (64, 64), image.orientation, image.pixel_aspect).to_input(image.pixels)


def window(scale: int, function: str = "LINEAR_EXACT") -> dict[str, Any]:
    """The window under which ``scale * grey`` is shown as ``grey``."""
    shift = 0.5 if function == "LINEAR" else 0
    width = 255 * scale + 2 * shift
    return {"WindowCenter": 127.5 * scale + shift, "WindowWidth": width, "VOILUTFunction": function}


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_depth_and_polarity(film: Film, make_dicom: MakeDicom, bits: int, photometric: str) -> None:
    scale = 2 ** (bits - 8)
    grey = 255 - film if photometric == "MONOCHROME1" else film
    stored = grey if bits == 8 else grey.astype(np.uint16) * scale
    image = decode(make_dicom(stored, BitsStored=bits, PhotometricInterpretation=photometric, **window(scale)))
    assert (image.pixels == film).all()
    assert image.recipe["inverted"] is (photometric == "MONOCHROME1")


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "flagged"),
    [
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", True, True),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME2", "IDENTITY", False, False),
    ],
)
def test_low_values_mean_white_at_most_once(
    film: Film, make_dicom: MakeDicom, photometric: str, shape: str, inverted: bool, flagged: bool
) -> None:
    tags = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape, **window(1)}
    image = decode(make_dicom(255 - film if inverted else film, **tags))
    assert (image.pixels == film).all()
    assert ("polarity_contradiction" in image.recipe["flags"]) is flagged
    assert "polarity_suspect" not in image.recipe["flags"]


def test_wrong_polarity_is_suspected_from_the_pixels(film: Film, make_dicom: MakeDicom) -> None:
    image = decode(make_dicom(film, PhotometricInterpretation="MONOCHROME1", **window(1)))
    assert "polarity_suspect" in image.recipe["flags"]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
def test_linear_windows(film: Film, make_dicom: MakeDicom, function: str) -> None:
    assert (decode(make_dicom(film.astype(np.uint16) * 16, **window(16, function))).pixels == film).all()


def test_sigmoid_window(film: Film, make_dicom: MakeDicom) -> None:
    tags = {"WindowCenter": 120, "WindowWidth": 90, "VOILUTFunction": "SIGMOID"}
    expected = 255 / (1 + np.exp(-4 * (film - 120.0) / 90))
    assert np.abs(decode(make_dicom(film, **tags)).pixels - expected).max() <= 0.5


def test_the_first_of_several_windows_counts(film: Film, make_dicom: MakeDicom) -> None:
    tags = {"WindowCenter": [128, 60], "WindowWidth": [256, 30]}
    assert (decode(make_dicom(film, **tags)).pixels == film).all()


def test_signed_values_and_rescale(film: Film, make_dicom: MakeDicom) -> None:
    stored = film.astype(np.int16) * 8 - 1000
    tags = {"BitsStored": 12, "RescaleSlope": 2, "RescaleIntercept": 2000, **window(16)}
    assert (decode(make_dicom(stored, **tags)).pixels == film).all()


def test_stored_bits_may_lie_anywhere(film: Film, make_dicom: MakeDicom) -> None:
    overlay = np.uint16(0b1000_0000_0000_0001)
    stored = (film.astype(np.uint16) * 4 << 4) | overlay
    assert (decode(make_dicom(stored, BitsStored=10, HighBit=13, **window(4))).pixels == film).all()


def test_signed_stored_bits_may_lie_anywhere(film: Film, make_dicom: MakeDicom) -> None:
    stored = ((film.astype(np.int16) * 4 - 512) << 6).astype(np.int16)
    tags = {"BitsStored": 10, "HighBit": 15, "RescaleIntercept": 512, "RescaleSlope": 1, **window(4)}
    assert (decode(make_dicom(stored, **tags)).pixels == film).all()


def lookup_table(entries: list[int], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "OW", np.array(entries, "<u2").tobytes())
    return item


def test_modality_table(film: Film, make_dicom: MakeDicom) -> None:
    table = lookup_table(list(range(255, -1, -1)), first=0, bits=8)
    assert (decode(make_dicom(255 - film, ModalityLUTSequence=[table], **window(1))).pixels == film).all()


def test_voi_table_comes_before_the_window(film: Film, make_dicom: MakeDicom) -> None:
    table = lookup_table([16 * entry for entry in range(255)] + [4095], first=100, bits=12)
    tags = {"VOILUTSequence": [table], "WindowCenter": 150, "WindowWidth": 10}
    image = decode(make_dicom(film.astype(np.uint16) + 100, **tags))
    assert np.abs(image.pixels.astype(int) - film).max() <= 1
    assert image.recipe["voi"] == "lut"


@pytest.mark.parametrize("directions", list(TURNED), ids="".join)
def test_turned_and_mirrored(film: Film, make_dicom: MakeDicom, directions: tuple[str, str]) -> None:
    stored = np.ascontiguousarray(TURNED[directions](film))
    image = decode(make_dicom(stored, PatientOrientation=list(directions), **window(1)))
    assert (image.pixels == stored).all()
    assert (network_input(image) == network_input(decode(make_dicom(film, **window(1))))).all()


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.keyword,
)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_every_syntax_that_can_be_written_here(
    film: Film, make_dicom: MakeDicom, syntax: uid.UID, signed: bool
) -> None:
    low = 2048 if signed else 0
    stored = (film.astype(np.int16) * 16 - low).astype(np.int16 if signed else np.uint16)
    tags = {"BitsStored": 12, "RescaleIntercept": low, "RescaleSlope": 1, **window(16)}
    image = decode(make_dicom(stored, syntax, **tags))
    assert (image.pixels == film).all()
    assert image.recipe["transfer_syntax"] == syntax


def test_rectangular_pixels_are_seen_square(make_dicom: MakeDicom) -> None:
    rows, columns = np.mgrid[:80, :160]
    stored = np.hypot((rows - 40) * 2, columns - 80).clip(0, 255).astype(np.uint8)
    image = decode(make_dicom(stored, PixelSpacing=[0.4, 0.2], **window(1)))
    seen = network_input(image).astype(int)
    assert image.pixel_aspect == 2
    assert np.abs(seen - seen.T).max() <= 12
