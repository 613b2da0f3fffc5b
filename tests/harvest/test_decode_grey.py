"""Windows that are missing, wrong or misled by pixels that are no image."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_windowing

from harvest.config import LABELED_FILMS, DecodeConfig
from harvest.decode import iter_decode
from harvest.decode.grey import GreyRules, to_grey
from harvest.decode.lookup import Window
from harvest.errors import Reason, RejectedError
from harvest.records import DecodedImage

Film = npt.NDArray[np.uint8]
MakeDicom = Callable[..., bytes]
PADDING_FROM_MINUS_2000_TO_MINUS_1990 = {"PixelPaddingValue": 63_536, "PixelPaddingRangeLimit": 63_546}


def decode(data: bytes) -> DecodedImage:
    (outcome,) = iter_decode(data, LABELED_FILMS)
    assert outcome.image is not None, outcome.rejection
    return outcome.image


def test_one_value_is_no_image() -> None:
    with pytest.raises(RejectedError) as caught:
        to_grey(np.full((70, 80), 9, np.uint16), GreyRules())
    assert caught.value.reason is Reason.CONSTANT_IMAGE


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(function: str) -> None:
    values = np.arange(4096)
    dataset = Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 12, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 1800.5, 733, function
    reference = apply_windowing(values.astype(np.uint16), dataset) / 4095
    assert np.allclose(Window(1800.5, 733, function).apply(values.astype(float)), reference, atol=1e-9)


def test_without_window_the_film_fills_the_greys(film: Film, make_dicom: MakeDicom) -> None:
    image = decode(make_dicom(film.astype(np.uint16) * 2 + 1000))
    assert image.recipe["voi"] == "percentiles"
    assert image.pixels.min() == 0 and image.pixels.max() == 255
    assert np.corrcoef(image.pixels.ravel(), film.ravel())[0, 1] > 0.999


def test_eight_bits_that_fill_their_range_stay_as_they_are(film: Film, make_dicom: MakeDicom) -> None:
    image = decode(make_dicom(film))
    assert image.recipe["voi"] == "none"
    assert (image.pixels == film).all()


def test_padding_is_black_and_left_out_of_the_window(film: Film, make_dicom: MakeDicom) -> None:
    stored = film.astype(np.int16) + 1000
    padded = stored.copy()
    padded[:, :30] = -2000
    padded[:, 30:35] = -1990
    # Negative values written as unsigned, as many devices do.
    tags = {name: DataElement(name, "US", value) for name, value in PADDING_FROM_MINUS_2000_TO_MINUS_1990.items()}
    image = decode(make_dicom(padded, **tags))
    assert (image.pixels[:, :35] == 0).all()
    assert image.pixels[:, 35:].max() == 255 and np.ptp(image.pixels[:, 35:]) > 200


def test_collimated_margin_is_left_out_of_the_window(film: Film, make_dicom: MakeDicom) -> None:
    stored = film.astype(np.uint16) + 1000
    margin = np.random.default_rng(0).integers(50_000, 60_000, (150, 130)).astype(np.uint16)
    margin[30:120, 30:100] = stored
    edges = {"UpperHorizontal": 30, "LowerHorizontal": 121, "LeftVertical": 30, "RightVertical": 101}
    tags = {f"Collimator{name}Edge": edge for name, edge in edges.items()}
    image = decode(make_dicom(margin, CollimatorShape="RECTANGULAR", **tags))
    assert (image.pixels[30:120, 30:100] == decode(make_dicom(stored)).pixels).all()


@pytest.mark.parametrize("center_and_width", [(-5000, 100), (40, 1), (1e6, 10)])
def test_a_window_that_leaves_nothing_is_replaced(
    film: Film, make_dicom: MakeDicom, center_and_width: tuple[float, float]
) -> None:
    center, width = center_and_width
    image = decode(make_dicom(film.astype(np.uint16) * 4 + 300, WindowCenter=center, WindowWidth=width))
    assert image.recipe["voi"] == "percentiles"
    assert "window_unusable" in image.recipe["flags"]
    assert np.ptp(image.pixels) == 255


@pytest.mark.parametrize("tags", [{"WindowCenter": "", "WindowWidth": ""}, {"WindowCenter": 100, "WindowWidth": 0}])
def test_an_impossible_window_is_no_window(film: Film, make_dicom: MakeDicom, tags: dict[str, object]) -> None:
    assert decode(make_dicom(film.astype(np.uint16) * 4, **tags)).recipe["voi"] == "percentiles"


def test_frames_are_rows_of_their_own(film: Film, make_dicom: MakeDicom) -> None:
    stored = np.stack([film, np.flipud(film), 255 - film])
    outcomes = list(iter_decode(make_dicom(stored, NumberOfFrames=3), DecodeConfig()))
    assert [outcome.frame for outcome in outcomes] == [1, 2, 3]
    for outcome, pixels in zip(outcomes, stored, strict=True):
        assert outcome.image is not None and (outcome.image.pixels == pixels).all()


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_a_missing_frame_ends_the_object(film: Film, make_dicom: MakeDicom, syntax: str) -> None:
    stored = np.stack([film, film])
    data = make_dicom(stored, syntax, NumberOfFrames=2)
    claimed = data.replace(b"IS\x02\x002 ", b"IS\x02\x009 ")
    outcomes = list(iter_decode(claimed, DecodeConfig()))
    assert [outcome.image is not None for outcome in outcomes] == [True, True, False]
    assert outcomes[-1].rejection is not None and outcomes[-1].rejection.reason is Reason.DECODE_FAILED
