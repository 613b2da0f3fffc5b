"""DICOMweb, against Debian's Orthanc, and against servers that break the rules that Orthanc keeps."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
import pytest

from harvest.config import ArchiveConfig
from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import Source, open_source

pytestmark = pytest.mark.services
LIMIT = 10**6
IMPATIENT = ArchiveConfig(patience_seconds=2, requests_per_second=1000)
STUDIES = [f"1.2.{number}" for number in range(7)]


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


class Stubborn:
    """A server of a few studies with an instance each; it misbehaves as it is told."""

    def __init__(self) -> None:
        self.most, self.offsets, self.limits = 1000, True, True
        self.failures: list[int] = []
        self.url = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if self.failures:
            return self.failures.pop(0), b"<html>not now</html>"
        parts = path.strip("/").split("/")
        if parts[-1] == "studies":
            found = [{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in STUDIES]
            start = int(query.get("offset", ["0"])[0]) if self.offsets else 0
            limit = int(query.get("limit", ["1000"])[0]) if self.limits else 1000
            return 200, json.dumps(found[start : start + min(limit, self.most)]).encode()
        if len(parts) == 3:
            one = {"0020000E": {"vr": "UI", "Value": ["3"]}, "00080018": {"vr": "UI", "Value": [f"4.{parts[1]}"]}}
            return 200, json.dumps([one]).encode()
        return 200, b"DICM"


@pytest.fixture
def stubborn() -> Iterator[Stubborn]:
    served = Stubborn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            status, body = served.answer(url.path, parse_qs(url.query))
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served.url = f"dicomweb+http://127.0.0.1:{server.server_address[1]}"
        yield served
        server.shutdown()


@pytest.mark.parametrize(
    "rules", [{"offsets": False}, {"limits": False}, {"offsets": False, "limits": False}, {"most": 2}]
)
def test_paging_survives_servers_that_ignore_limits(
    stubborn: Any, rules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.sources.qido.PAGE", 1000 if "offsets" in rules else 3)
    vars(stubborn).update(rules)
    listed = [one.path for one in open_source(stubborn.url, config=IMPATIENT).iter_objects()]
    assert listed == [f"{uid}/3/4.{uid}" for uid in STUDIES]


def test_a_server_that_cannot_now_is_asked_again(stubborn: Any) -> None:
    source = open_source(stubborn.url, config=IMPATIENT)
    stubborn.failures = [503]
    assert len(list(source.iter_objects())) == len(STUDIES)
    stubborn.failures = [429]
    assert source.read_bytes("1.2.0/3/4", LIMIT) == b"DICM"
    stubborn.failures = [503] * 99
    with pytest.raises(ArchiveError, match="out of reach"):
        source.read_bytes("1.2.0/3/4", LIMIT)


def test_an_instance_on_which_the_server_fails_is_given_up_and_not_the_archive(stubborn: Any) -> None:
    source = open_source(stubborn.url, config=ArchiveConfig(patience_seconds=60))
    stubborn.failures = [500] * 3
    assert rejection(source, "1.2.0/3/4") is Reason.UNREADABLE_FILE
    assert source.read_bytes("1.2.0/3/4", LIMIT) == b"DICM"


def test_what_is_no_dicomweb_server_is_said_clearly(stubborn: Any) -> None:
    for failures in ([404], [200]):
        stubborn.failures = failures
        with pytest.raises(ArchiveError, match="check the URL"):
            list(open_source(stubborn.url, config=IMPATIENT).iter_objects())


@pytest.mark.parametrize("end", ["?StudyDate=20200101&token=secret", "#secret", "?PatientName=secret"])
def test_an_address_holds_no_more_than_a_place_and_dates(end: str) -> None:
    with pytest.raises(ArchiveError, match="environment") as caught:
        open_source(f"dicomweb+https://pacs.example/dicom-web{end}")
    assert "secret" not in str(caught.value)
