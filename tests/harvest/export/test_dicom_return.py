"""Results stored in a real PACS: under the studies and patients of the films, from a lake of pseudonyms."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom import Dataset, dcmread

from harvest.errors import ArchiveError, SettingsError
from harvest.export.dicom_return import store_in_archive
from harvest.phantom import PhantomRange, write_archive
from harvest.run import RunRequest, run_harvest
from harvest.store import query


class Hospital(NamedTuple):
    """A lake of pseudonyms, and its films."""

    lake: Path
    films: list[Dataset]

    def boxed(self) -> int:
        """Return how many films have boxes."""
        answer = query(self.lake, "SELECT count(DISTINCT instance_key) AS films FROM current_boxes")
        return int(answer.to_pylist()[0]["films"])


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, tiny_bundle_path: Path) -> Hospital:
    """Three films of patients whose name needs more than ASCII, harvested."""
    root = tmp_path_factory.mktemp("films")
    folder = write_archive(root, PhantomRange(3, "dicom", seed=5, long_side=256), workers=1).images
    films = []
    for path in sorted(folder.rglob("*.dcm")):
        film = dcmread(path)
        film.SpecificCharacterSet, film.PatientName, film.AccessionNumber = "ISO_IR 192", "Müller^Zoë", "A-17"
        film.save_as(path)
        films.append(film)
    run_harvest(RunRequest(str(folder), str(tiny_bundle_path), root / "lake"))
    return Hospital(root / "lake", films)


def as_file(film: Dataset) -> bytes:
    return Path(film.filename).read_bytes()


@pytest.mark.services
@pytest.mark.parametrize(("name", "modality"), [("dicom-sr", "SR"), ("dicom-seg", "SEG")])
def test_results_are_found_under_the_study_of_their_film(
    hospital: Hospital, orthanc: Any, name: str, modality: str
) -> None:
    assert store_in_archive(hospital.lake, name, orthanc.url).objects == 0, "the PACS holds none of the films yet"
    for film in hospital.films:
        orthanc.store(as_file(film))
    summary = store_in_archive(hospital.lake, name, orthanc.url)
    assert summary == store_in_archive(hospital.lake, name, orthanc.url), "storing again changes nothing"
    assert (summary.objects, summary.absent, summary.films) == (hospital.boxed(), (), 3)
    session = create_session_from_user_pass(orthanc.USER, orthanc.PASSWORD)
    client = DICOMwebClient(orthanc.url.removeprefix("dicomweb+"), session=session)
    stored = 0
    for film in hospital.films:
        for found in client.search_for_series(film.StudyInstanceUID, search_filters={"Modality": modality}):
            (result,) = client.retrieve_series(film.StudyInstanceUID, found["0020000E"]["Value"][0])
            stored += 1
            for keyword in ("PatientID", "PatientName", "AccessionNumber", "StudyDate"):
                assert result.get(keyword) == film.get(keyword), keyword
            assert str(film.SOPInstanceUID) in str(result), "it refers to its film"
            assert result.SeriesDescription.endswith("original UIDs")
    assert stored == summary.objects > 0
    assert len(client.search_for_studies()) == len({film.StudyInstanceUID for film in hospital.films})


@pytest.mark.services
def test_a_pacs_that_refuses_says_so(hospital: Hospital, orthanc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DICOMWEB_PASSWORD", "wrong")
    with pytest.raises(ArchiveError, match="credentials"):
        store_in_archive(hospital.lake, "dicom-sr", orthanc.url)


@pytest.mark.parametrize(("name", "url"), [("coco", "dicomweb+https://pacs"), ("dicom-sr", "s3://bucket")])
def test_only_dicom_objects_go_out_and_only_to_a_pacs(hospital: Hospital, name: str, url: str) -> None:
    with pytest.raises(SettingsError, match="PACS"):
        store_in_archive(hospital.lake, name, url)
