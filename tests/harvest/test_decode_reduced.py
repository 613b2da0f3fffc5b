"""Films decoded at a lower resolution give the network what whole ones give it, in the same place."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import dcmread

from harvest.batches import place
from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.geometry import ORIENTATIONS
from harvest.records import DecodedImage

MakeDicom = Callable[..., bytes]
HW = (128, 120)
DIRECTIONS = {"identity": ["L", "F"], "rotate_180": ["R", "H"], "rotate_90": ["F", "R"], "transpose": ["F", "L"]}


@pytest.fixture(scope="module")
def large_film() -> npt.NDArray[np.uint8]:
    """(577, 471) uint8, odd sides: soft shadows, edges and marks, none of them symmetric."""
    rows, columns = np.mgrid[:577, :471]
    grey = 90 + 50 * np.cos((columns - 235) / 235 * np.pi) + rows / 9
    grey[120:350, 60:190] -= 60
    grey[95:330, 280:410] -= 50
    grey[235:265, 315:360] += 70
    grey += 2 * np.random.default_rng(5).standard_normal(grey.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)


def decode(data: bytes, *, reduced: bool) -> DecodedImage:
    (outcome,) = iter_decode(data, DecodeConfig(reduced=reduced), HW)
    assert outcome.image is not None, outcome.rejection
    return outcome.image


def compare(data: bytes, factor: int) -> None:
    """Decode both ways; the network's views must agree up to the ringing of edges."""
    whole, small = decode(data, reduced=False), decode(data, reduced=True)
    assert (whole.recipe["reduction"], small.recipe["reduction"]) == (1, factor)
    assert place(whole, HW) == place(small, HW)
    seen, seen_small = (place(one, HW).to_input(one.pixels, one.covered).astype(int) for one in (whole, small))
    difference = np.abs(seen - seen_small)
    assert difference.mean() < 1 and np.percentile(difference, 99) <= 10
    for axis, by in [(0, 1), (0, -1), (1, 1), (1, -1)]:
        shifted = np.abs(seen - np.roll(seen, by, axis)).mean()
        assert difference.mean() < shifted / 2, "as far off as half a pixel of the input"


@pytest.mark.parametrize("orientation", DIRECTIONS)
@pytest.mark.parametrize("signed", [False, True])
def test_jpeg_2000(large_film: npt.NDArray[np.uint8], make_dicom: MakeDicom, orientation: str, signed: bool) -> None:
    low = 2048 if signed else 0
    stored = (large_film.astype(np.int16) * 16 - low).astype(np.int16 if signed else np.uint16)
    window = {"WindowCenter": 2040 - low, "WindowWidth": 4080, "VOILUTFunction": "LINEAR_EXACT"}
    tags = window | {"BitsStored": 12, "PatientOrientation": DIRECTIONS[orientation]}
    compare(make_dicom(stored, uid.JPEG2000Lossless, **tags), factor=4)


def as_dicom_jpeg(film: npt.NDArray[np.uint8], make_dicom: MakeDicom) -> bytes:
    dataset = dcmread(BytesIO(make_dicom(film)))
    frame = BytesIO()
    Image.fromarray(film).save(frame, "JPEG", quality=92)
    dataset.PixelData = encapsulate([frame.getvalue()])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    out = DicomBytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def test_jpeg_in_dicom(large_film: npt.NDArray[np.uint8], make_dicom: MakeDicom) -> None:
    compare(as_dicom_jpeg(large_film, make_dicom), factor=4)


@pytest.mark.parametrize("turn", range(1, 9))
def test_jpeg_file(large_film: npt.NDArray[np.uint8], turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    file = BytesIO()
    Image.fromarray(large_film).save(file, "JPEG", quality=92, exif=exif)
    assert decode(file.getvalue(), reduced=True).orientation == ORIENTATIONS[turn - 1]
    compare(file.getvalue(), factor=4)


def test_a_film_with_padding_is_decoded_whole(large_film: npt.NDArray[np.uint8], make_dicom: MakeDicom) -> None:
    data = make_dicom(large_film, uid.JPEG2000Lossless, PixelPaddingValue=0)
    assert decode(data, reduced=True).recipe["reduction"] == 1


def test_what_no_power_of_two_brings_to_size_is_averaged_by_the_largest_one_that_fits(
    large_film: npt.NDArray[np.uint8], make_dicom: MakeDicom
) -> None:
    data = make_dicom(large_film, uid.JPEG2000Lossless)
    fitting = max(large_film.shape) * 10 // 57  # 5.7 times smaller, of which 4 is averaged
    seen = []
    for reduced in (False, True):
        config = DecodeConfig(reduced=reduced, include=("not_chest_by_pixels",))
        (outcome,) = iter_decode(data, config, (fitting, fitting))
        assert outcome.image is not None and outcome.image.recipe["reduction"] == (4 if reduced else 1)
        placement = place(outcome.image, (fitting, fitting))
        seen.append(placement.to_input(outcome.image.pixels, outcome.image.covered).astype(int))
    assert np.abs(seen[0] - seen[1]).mean() < 2


def test_a_scaled_jpeg_is_what_averaging_makes_of_it(large_film: npt.NDArray[np.uint8]) -> None:
    file = BytesIO()
    Image.fromarray(large_film[:576, :468]).save(file, "JPEG", quality=92)
    seen = [
        place(one, HW).to_input(one.pixels, one.covered).astype(int)
        for one in (decode(file.getvalue(), reduced=reduced) for reduced in (False, True))
    ]
    assert np.abs(seen[0] - seen[1]).mean() < 0.3


def test_small_films_are_decoded_whole(film: npt.NDArray[np.uint8], make_dicom: MakeDicom) -> None:
    assert decode(make_dicom(film, uid.JPEG2000Lossless), reduced=True).recipe["reduction"] == 1
