"""Films of a PACS that a list names by UID or accession number, against Debian's Orthanc."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvest.config import ArchiveConfig
from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.run import RunRequest, run_harvest
from harvest.sources import Source, open_source
from harvest.store import query

pytestmark = pytest.mark.services
LIMIT = 10**6
QUICK = ArchiveConfig(requests_per_second=1000)
FILMS = {"1.1/2.1/3.1": "A1", "1.1/2.1/3.2": "A1", "1.1/2.2/3.3": "A1", "1.2/2.3/3.4": "A-2.x", "1.3/2.4/3.5": "A11"}
"""Paths and accession numbers."""


@pytest.fixture
def pacs(orthanc: Any, make_dicom: Callable[..., bytes], film: npt.NDArray[np.uint8]) -> str:
    for path, accession in FILMS.items():
        study, series, instance = path.split("/")
        tags = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
        orthanc.store(make_dicom(film, AccessionNumber=accession, PatientID=f"P{study}", **tags))
    return str(orthanc.url)


def listed(table: Path, pacs: str) -> list[str]:
    return [one.path for one in open_source(str(table), root=pacs, config=QUICK).iter_objects()]


def rejection(source: Source, path: str) -> Reason:
    with pytest.raises(RejectedError) as caught:
        source.read_bytes(path, LIMIT)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SOPInstanceUID\n3.3\n3.1\n3.3\n\n", ["1.1/2.1/3.1", "1.1/2.2/3.3"]),
        ("age,study_instance_uid\n7,1.1\n8,1.2\n", ["1.1/2.1/3.1", "1.1/2.1/3.2", "1.1/2.2/3.3", "1.2/2.3/3.4"]),
        ("Accession Number\nA1\n", ["1.1/2.1/3.1", "1.1/2.1/3.2", "1.1/2.2/3.3"]),
        ("AccessionNumber\nA-2.x\n", ["1.2/2.3/3.4"]),
        ("AccessionNumber,SOPInstanceUID\nA1,3.5\n", ["1.3/2.4/3.5"]),
        ("AccessionNumber\nA*\nA11\n", ["1.3/2.4/3.5", "AccessionNumber/A%2A"]),
        ("SOPInstanceUID\n3.9\n3.5\n../3\n", ["1.3/2.4/3.5", "SOPInstanceUID/..%2F3", "SOPInstanceUID/3.9"]),
        ("StudyInstanceUID\n1\n", ["StudyInstanceUID/1"]),
    ],
)
def test_a_list_names_films_and_what_the_pacs_does_not_know_is_listed_too(
    pacs: str, tmp_path: Path, text: str, expected: list[str]
) -> None:
    (tmp_path / "tonight.csv").write_text(text)
    assert listed(tmp_path / "tonight.csv", pacs) == expected


def test_a_film_of_a_list_is_read_and_one_that_is_not_there_is_not(pacs: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"AccessionNumber": ["A11", None, "A404"]}), tmp_path / "tonight.parquet")
    source = open_source(str(tmp_path / "tonight.parquet"), root=pacs, config=QUICK)
    known, unknown = [one.path for one in source.iter_objects()]
    assert source.read_bytes(known, LIMIT)[128:132] == b"DICM"
    assert rejection(source, unknown) is Reason.UNREADABLE_FILE


def test_unknown_names_are_counted_and_rejected_without_being_told(
    pacs: str, tiny_bundle_path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tonight.csv").write_text("AccessionNumber\nA11\nSECRET-7\n")
    lake = tmp_path / "lake"
    request = RunRequest(str(tmp_path / "tonight.csv"), str(tiny_bundle_path), lake, root=pacs)
    summary = run_harvest(request)
    assert (summary.objects, summary.reasons["unreadable_file"]) == (2, 1)
    assert "nothing under 1 of 2 names of the list (AccessionNumber)" in caplog.text
    (row,) = query(lake, "SELECT * FROM rejections WHERE reason_code = 'unreadable_file'").to_pylist()
    assert "SECRET" not in f"{caplog.text} {row} {query(lake, 'SELECT * FROM instances').to_pylist()}"
    assert run_harvest(request).harvested == 1, "it is asked for again"
    assert len(query(lake, "SELECT * FROM instances")) == 2


def test_only_a_pacs_knows_films_by_number(pacs: str, tmp_path: Path) -> None:
    (tmp_path / "tonight.csv").write_text("AccessionNumber\nA1\n")
    for root in (None, str(tmp_path), f"{pacs}?StudyDate=20200101"):
        with pytest.raises(ArchiveError, match=r"only a PACS knows: give .* --root"):
            open_source(str(tmp_path / "tonight.csv"), root=root)
