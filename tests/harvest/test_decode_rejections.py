"""What is no frontal chest film, or cannot be read, ends as a rejection with its reason; never as an exception."""

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import Reason
from harvest.records import DecodeOutcome

Film = npt.NDArray[np.uint8]
MakeDicom = Callable[..., bytes]
SMALL = DecodeConfig(max_bytes=2**20, max_pixels=20_000, max_frames=3)


def decode_one(data: bytes, config: DecodeConfig = SMALL) -> DecodeOutcome:
    (outcome,) = iter_decode(data, config)
    return outcome


def reason(data: bytes, config: DecodeConfig = SMALL) -> Reason | None:
    rejection = decode_one(data, config).rejection
    return None if rejection is None else rejection.reason


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"Modality": None}, None),  # the SOP class says CR
        ({"Modality": "DX", "BodyPartExamined": None, "ViewPosition": None}, None),
        ({"Modality": "RG", "BodyPartExamined": "UNKNOWN", "ViewPosition": ""}, None),
        ({"BodyPartExamined": "THORAX AP"}, None),
        ({"BodyPartExamined": "CHEST_TO_ABDOMEN"}, None),
        ({"Modality": "OT"}, None),
        ({"Modality": "OT", "BodyPartExamined": None}, Reason.NOT_A_CHEST_FILM),
        ({"Modality": "OT", "BodyPartExamined": None, "SeriesDescription": "Thorax"}, None),
        ({"Modality": "CT"}, Reason.WRONG_MODALITY),
        ({"Modality": "MG"}, Reason.WRONG_MODALITY),
        ({"BodyPartExamined": "HAND"}, Reason.WRONG_BODY_PART),
        ({"BodyPartExamined": "THORACIC SPINE"}, Reason.WRONG_BODY_PART),
        ({"BodyPartExamined": None, "StudyDescription": "Left KNEE, 2 views"}, Reason.WRONG_BODY_PART),
        ({"BodyPartExamined": None, "StudyDescription": "CHEST AND ABDOMEN"}, None),
        ({"ViewPosition": "LL"}, Reason.WRONG_VIEW),
        ({"ViewPosition": "LATERAL"}, Reason.WRONG_VIEW),
        ({"ViewPosition": None, "SeriesDescription": "W034 Chest lat."}, Reason.WRONG_VIEW),
        ({"ViewPosition": None, "SeriesDescription": "Chest PA + lateral"}, None),
        ({"ViewPosition": None, "PatientOrientation": ["A", "F"]}, Reason.WRONG_VIEW),
        ({"PatientOrientation": ["A", "F"]}, None),
    ],
    ids=str,
)
def test_the_header_says_whether_it_is_a_frontal_chest_film(
    film: Film, make_dicom: MakeDicom, tags: dict[str, Any], expected: Reason | None
) -> None:
    data = make_dicom(film, **tags)
    assert reason(data) == expected
    if expected is not None:
        assert reason(data, SMALL.model_copy(update={"include": (str(expected),)})) is None


def test_a_view_code_names_the_view(film: Film, make_dicom: MakeDicom) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399198007", "SCT", "Left lateral"
    assert reason(make_dicom(film, ViewPosition=None, ViewCodeSequence=[code])) is Reason.WRONG_VIEW


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"Rows": None}, Reason.MISSING_GEOMETRY),
        ({"Columns": 0}, Reason.MISSING_GEOMETRY),
        ({"Rows": 63}, Reason.IMAGE_TOO_SMALL),
        ({"Rows": 65_535, "Columns": 65_535}, Reason.IMAGE_TOO_LARGE),
        ({"NumberOfFrames": 2_000_000_000}, Reason.IMAGE_TOO_LARGE),
        ({"Rows": 200}, Reason.DECODE_FAILED),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION),
        ({"BitsAllocated": 32}, Reason.UNSUPPORTED_BIT_DEPTH),
        ({"BitsStored": 1}, Reason.UNSUPPORTED_BIT_DEPTH),
        ({"BitsStored": 12}, Reason.UNSUPPORTED_BIT_DEPTH),
        ({"PixelData": None}, Reason.NO_PIXEL_DATA),
    ],
    ids=str,
)
def test_what_cannot_be_decoded_is_named(
    film: Film, make_dicom: MakeDicom, tags: dict[str, Any], expected: Reason
) -> None:
    data = make_dicom(film, **{key: value for key, value in tags.items() if key not in {"Rows", "PixelData"}})
    if "Rows" in tags:
        rows = struct.pack("<H", tags["Rows"] or 0)
        data = data.replace(b"\x28\0\x10\0US\2\0" + struct.pack("<H", 90), b"\x28\0\x10\0US\2\0" + rows)
    if "PixelData" in tags:
        data = data[: data.index(b"\xe0\x7f\x10\0OB")]
    assert reason(data) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Reason.EMPTY_FILE),
        (b"%PDF-1.7 and so on, long enough to be anything", Reason.UNKNOWN_FORMAT),
        (b"\0" * 128 + b"DICM", Reason.NO_PIXEL_DATA),
        (b"\0" * 128 + b"DICM" + b"\xff" * 500, Reason.NO_PIXEL_DATA),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, Reason.BROKEN_HEADER),
        (b"\xff\xd8\xff\xe0" + b"\0" * 30, Reason.BROKEN_HEADER),
    ],
)
def test_files_that_are_no_films(data: bytes, expected: Reason) -> None:
    assert reason(data) is expected


def test_a_frame_of_another_size_is_not_decoded(film: Film, make_dicom: MakeDicom) -> None:
    data = make_dicom(film, uid.JPEG2000Lossless)
    size = struct.pack(">II", 70, 90)
    assert size in data
    assert reason(data.replace(size, struct.pack(">II", 60_000, 60_000))) is Reason.DECODE_FAILED


def test_an_unknown_syntax_is_named(film: Film, make_dicom: MakeDicom) -> None:
    data = make_dicom(film).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    assert reason(data) is Reason.UNSUPPORTED_TRANSFER_SYNTAX


def test_a_deflated_dataset_inflates_only_to_the_limit(film: Film, make_dicom: MakeDicom) -> None:
    plain = make_dicom(film, uid.DeflatedExplicitVRLittleEndian)
    assert reason(plain) is None
    head = plain[: 144 + struct.unpack("<I", plain[140:144])[0]]
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = head + deflater.compress(b"\x08\0\x60\0CS\2\0CR" * 10 + b"\0" * 2**26) + deflater.flush()
    assert len(bomb) < 2**17
    assert reason(bomb) is Reason.IMAGE_TOO_LARGE


def test_sequences_nested_without_end_are_cut_off(film: Film, make_dicom: MakeDicom) -> None:
    plain = make_dicom(film)
    start = plain.index(b"\x08\0\x16\0UI")
    nested = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20_000
    assert reason(plain[:start] + nested + plain[start:]) is Reason.HEADER_TOO_DEEP


def test_a_header_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch, film: Film, make_dicom: MakeDicom) -> None:
    monkeypatch.setattr("harvest.decode.dataset._BoundedReader.reads_left", 100)
    plain = make_dicom(film)
    start = plain.index(b"\x08\0\x16\0UI")
    assert reason(plain[:start] + b"\x08\0\x05\0CS\0\0" * 200 + plain[start:]) is Reason.BROKEN_HEADER


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_preamble_and_meta_header_may_be_missing(film: Film, make_dicom: MakeDicom, syntax: str) -> None:
    data = make_dicom(film, syntax)
    outcome = decode_one(data[144 + struct.unpack("<I", data[140:144])[0] :])
    assert outcome.image is not None and (outcome.image.pixels == film).all()
    assert outcome.image.recipe["transfer_syntax"] == syntax and outcome.image.recipe["transfer_syntax_guessed"]


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_a_lost_compressed_syntax_is_found_in_the_frame(film: Film, make_dicom: MakeDicom, syntax: str) -> None:
    data = make_dicom(film, syntax)
    outcome = decode_one(data[144 + struct.unpack("<I", data[140:144])[0] :])
    assert outcome.image is not None and (outcome.image.pixels == film).all()


def test_pixels_that_were_unpacked_under_their_old_syntax_are_read(film: Film, make_dicom: MakeDicom) -> None:
    plain = b"1.2.840.10008.1.2.1\0"
    renamed = make_dicom(film).replace(b"\x14\0" + plain, b"\x16\0" + b"1.2.840.10008.1.2.4.70")
    length = struct.unpack("<I", renamed[140:144])[0] + 2
    outcome = decode_one(renamed[:140] + struct.pack("<I", length) + renamed[144:])
    assert outcome.image is not None, outcome.rejection
    assert (outcome.image.pixels == film).all() and outcome.image.recipe["transfer_syntax_guessed"]


def test_messages_hold_nothing_of_the_header(film: Film, make_dicom: MakeDicom) -> None:
    secret = "CANARY"
    tags = {"PatientID": secret, "BodyPartExamined": secret, "ViewPosition": secret, "StudyDescription": secret}
    rejection = decode_one(make_dicom(film, **tags)).rejection
    assert rejection is not None and secret not in rejection.message


def test_every_reason_is_documented_once() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rejections.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert documented == [str(one) for one in Reason]
