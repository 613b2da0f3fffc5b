"""DICOMweb, against Debian's Orthanc."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import Dataset, uid

from harvest.config import ArchiveConfig, DecodeConfig, Retrieval
from harvest.decode import iter_decode
from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import Source, open_source

pytestmark = pytest.mark.services
LIMIT = 10**6


def rejection(source: Source, path: str, limit: int = LIMIT) -> Reason:
    with pytest.raises(RejectedError) as caught:
        source.read_bytes(path, limit)
    return caught.value.reason


def test_a_pacs_lists_all_instances_and_gives_them_as_they_were_stored(
    orthanc: Any, make_dicom: Callable[..., bytes], film: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.sources.qido.PAGE", 2)
    films = {}
    for study, series, instance in [("1.2", "3", "4"), ("1.2", "3", "5"), ("1.2.1", "6", "7"), ("1.10", "8", "9")]:
        tags = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
        films[f"{study}/{series}/{instance}"] = make_dicom(film, PatientID=f"P{study}", **tags)
        orthanc.store(films[f"{study}/{series}/{instance}"])
    source = open_source(orthanc.url)
    assert [one.path for one in source.iter_objects()] == sorted(films)
    assert {path: source.read_bytes(path, LIMIT) for path in films} == films
    assert (source.name, source.lists_everything) == ("127.0.0.1", True)
    assert rejection(source, "1.2/3/4", limit=100) is Reason.FILE_TOO_LARGE
    for path in ("1.2/3/44", "1.2/3", "../3/4"):
        assert rejection(source, path) is Reason.UNREADABLE_FILE


SYNTAXES = [
    uid.ExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEG2000Lossless,
    uid.JPEGLSLossless,
]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_film_put_together_from_its_frames_is_the_film(
    orthanc: Any, make_dicom: Callable[..., bytes], film: npt.NDArray[np.uint8], syntax: uid.UID, kind: type
) -> None:
    tags = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "3", "SOPInstanceUID": "4", "PixelSpacing": [0.15, 0.15]}
    latin = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller"}
    stored = film.astype(kind)
    orthanc.store(make_dicom(stored, syntax, ModalityLUTSequence=[inverse()], **latin | tags))
    orthanc.store(make_dicom(np.stack([stored, stored[::-1]]), **tags | {"SOPInstanceUID": "5", "NumberOfFrames": 2}))
    whole, framed = (open_source(orthanc.url, config=ArchiveConfig(retrieval=way)) for way in get_args(Retrieval))
    for path, frames in (("1.2/3/4", 1), ("1.2/3/5", 2)):
        expected, got = (
            list(iter_decode(source.read_bytes(path, LIMIT), DecodeConfig(), (96, 96))) for source in (whole, framed)
        )
        assert len(got) == len(expected) == frames
        for one, other in zip(got, expected, strict=True):
            assert one.header == other.header
            assert one.image is not None and other.image is not None
            assert one.image.pixels.tolist() == other.image.pixels.tolist()
            assert one.image.recipe == other.image.recipe


def test_a_film_of_which_the_server_does_not_tell_all_is_not_put_together(
    orthanc: Any, make_dicom: Callable[..., bytes], film: npt.NDArray[np.uint8]
) -> None:
    tags = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "3", "SOPInstanceUID": "4"}
    orthanc.store(make_dicom(film, uid.ImplicitVRLittleEndian, ModalityLUTSequence=[inverse()], **tags))
    source = open_source(orthanc.url, config=ArchiveConfig(retrieval="frames"))
    assert rejection(source, "1.2/3/4") is Reason.UNREADABLE_FILE


def inverse() -> Dataset:
    """A lookup table that turns white into black."""
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [256, 0, 16], "US"
    table.add_new("LUTData", "OW", np.arange(256, dtype="<u2")[::-1].tobytes())
    return table


def test_an_address_can_narrow_the_studies(
    orthanc: Any, make_dicom: Callable[..., bytes], film: npt.NDArray[np.uint8]
) -> None:
    for day in ("20200101", "20200201"):
        tags = {"StudyInstanceUID": f"1.{day}", "SeriesInstanceUID": f"2.{day}", "SOPInstanceUID": f"3.{day}"}
        orthanc.store(make_dicom(film, StudyDate=day, **tags))
    source = open_source(f"{orthanc.url}?StudyDate=20200115-20200301")
    assert [one.path for one in source.iter_objects()] == ["1.20200201/2.20200201/3.20200201"]
    assert not source.lists_everything


def test_wrong_credentials_are_said_clearly_and_never_repeated(
    orthanc: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("DICOMWEB_PASSWORD", "wrong-secret")
    with pytest.raises(ArchiveError, match="credentials") as caught:
        list(open_source(orthanc.url).iter_objects())
    assert "secret" not in str(caught.value) + caplog.text
    monkeypatch.delenv("DICOMWEB_USER")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {orthanc.USER} password {orthanc.PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert list(open_source(orthanc.url).iter_objects()) == []


@pytest.mark.parametrize("end", ["?StudyDate=20200101&token=secret", "#secret", "?PatientName=secret"])
def test_an_address_holds_no_more_than_a_place_and_dates(end: str) -> None:
    with pytest.raises(ArchiveError, match="environment") as caught:
        open_source(f"dicomweb+https://pacs.example/dicom-web{end}")
    assert "secret" not in str(caught.value)
