"""DICOMweb against servers that break the rules: nothing is lost in silence, or waited for in vain."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from harvest.config import ArchiveConfig
from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import Source, open_source

pytestmark = pytest.mark.services
LIMIT = 10**6
IMPATIENT = ArchiveConfig(patience_seconds=4, requests_per_second=1000)
STUDIES = [f"1.2.{number}" for number in range(7)]
FILM = "1.2.0/3/4.1.2.0"
WHOLE = b"--x\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--x--\r\n"


class Answer(NamedTuple):
    """What a server says."""

    status: int = 200
    body: bytes = WHOLE
    type: str = 'multipart/related; type="application/dicom"; boundary=x'
    headers: tuple[tuple[str, str], ...] = ()
    cut_off: int = 0
    """Bytes that its length promises and that never come."""


BUSY = Answer(503, b"<html>not now</html>", "text/html")


class Stubborn:
    """A server of a few studies with an instance each; it misbehaves as it is told."""

    def __init__(self) -> None:
        self.most, self.offsets, self.limits, self.repeats = 1000, True, True, False
        self.counted = self.updated = ""
        self.next: list[Answer] = []
        self.asked = 0
        self.url = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> Answer:
        self.asked += 1
        if self.next:
            return self.next.pop(0)
        parts = path.strip("/").split("/")
        if parts[-1] == "studies":
            return self.page([{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in STUDIES], query)
        if len(parts) == 3:
            one = {"0020000E": {"vr": "UI", "Value": ["3"]}, "00080018": {"vr": "UI", "Value": [f"4.{parts[1]}"]}}
            return self.page(
                [one | ({"77771031": {"vr": "DT", "Value": [self.updated]}} if self.updated else {})], query
            )
        return Answer()

    def page(self, found: list[dict[str, Any]], query: dict[str, list[str]]) -> Answer:
        if self.counted:
            found = [one | {"00201208": {"vr": "IS", "Value": [self.counted]}} for one in found]
        if self.repeats:  # as for each series of a study
            found = [one for one in found for _ in range(5)]
        start = int(query.get("offset", ["0"])[0]) if self.offsets else 0
        limit = int(query.get("limit", ["1000"])[0]) if self.limits else 1000
        return Answer(200, json.dumps(found[start : start + min(limit, self.most)]).encode(), "application/dicom+json")


@pytest.fixture
def stubborn() -> Iterator[Stubborn]:
    served = Stubborn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            answer = served.answer(url.path, parse_qs(url.query))
            self.send_response(answer.status)
            if answer.type:
                self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(answer.body) + answer.cut_off))
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        served.url = f"dicomweb+http://127.0.0.1:{server.server_address[1]}"
        yield served
        server.shutdown()


@pytest.fixture
def source(stubborn: Stubborn) -> Source:
    return open_source(stubborn.url, config=IMPATIENT)


def rejection(source: Source) -> Reason:
    with pytest.raises(RejectedError) as caught:
        source.read_bytes(FILM, LIMIT)
    return caught.value.reason


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"offsets": False},
        {"limits": False},
        {"offsets": False, "limits": False},
        {"most": 2},
        {"repeats": True},
        {"repeats": True, "most": 2},
        {"counted": "1"},
        {"counted": "99"},
        {"counted": "many"},
    ],
    ids=str,
)
@pytest.mark.parametrize("page", [3, 1000])
def test_paging_survives_servers_that_ignore_limits(
    stubborn: Stubborn, source: Source, rules: dict[str, Any], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.sources.qido.PAGE", page)
    vars(stubborn).update(rules)
    assert [one.path for one in source.iter_objects()] == [f"{uid}/3/4.{uid}" for uid in STUDIES]


def test_a_server_that_never_gets_past_its_first_page_is_not_taken_for_empty_beyond(
    stubborn: Stubborn, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.sources.qido.PAGE", 3)
    stubborn.offsets, stubborn.most = False, 3
    with pytest.raises(ArchiveError, match="first page again"):
        list(source.iter_objects())


def test_one_question_does_for_a_study_whose_size_is_told(stubborn: Stubborn, source: Source) -> None:
    stubborn.counted = "1"
    assert len(list(source.iter_objects())) == len(STUDIES)
    assert stubborn.asked == 2 + len(STUDIES)


def test_a_change_is_seen_where_a_server_tells_of_it(stubborn: Stubborn, source: Source) -> None:
    seen = []
    for stubborn.updated in ("", "20260102030405.678", "20260102030405.679", "20260102030405.679"):
        seen.append(list(source.iter_objects()))
    assert seen[0] != seen[1] != seen[2] == seen[3]


def test_a_server_that_cannot_now_is_asked_again(stubborn: Stubborn, source: Source) -> None:
    stubborn.next = [BUSY]
    assert len(list(source.iter_objects())) == len(STUDIES)
    stubborn.next = [BUSY._replace(status=429)]
    assert source.read_bytes(FILM, LIMIT) == b"DICM"
    stubborn.next = [BUSY] * 99
    with pytest.raises(ArchiveError, match="out of reach"):
        source.read_bytes(FILM, LIMIT)


@pytest.mark.parametrize("wanted", [lambda: "2", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=3))])
def test_a_server_is_left_alone_for_as_long_as_it_asks(
    stubborn: Stubborn, source: Source, wanted: Callable[[], str]
) -> None:
    stubborn.next = [BUSY._replace(headers=(("Retry-After", wanted()),))]
    before = datetime.now(UTC)
    others = threading.Timer(0.2, source.read_bytes, (FILM, LIMIT))
    others.start()
    assert source.read_bytes(FILM, LIMIT) == b"DICM"
    others.join()
    assert datetime.now(UTC) - before >= timedelta(seconds=2)
    assert stubborn.asked == 3


def test_a_server_that_asks_for_more_time_than_there_is_ends_the_run_at_once(
    stubborn: Stubborn, source: Source
) -> None:
    stubborn.next = [BUSY._replace(headers=(("Retry-After", "3600"),))] * 2
    with pytest.raises(ArchiveError, match="out of reach"):
        source.read_bytes(FILM, LIMIT)
    assert stubborn.asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, b"", "text/html"),
        Answer(body=WHOLE[:-9]),
        Answer(body=WHOLE[:20]),
        Answer(body=b"no part at all"),
        Answer(type="multipart/related"),
        Answer(cut_off=7),
        Answer(body=b"<html>Please log in</html>", type="text/html; charset=utf-8"),
        Answer(body=b"[]", type="application/dicom+json"),
    ],
    ids=lambda answer: f"{answer.status} {answer.type} {len(answer.body)}",
)
def test_half_an_answer_or_another_is_no_film_and_asked_for_again(
    stubborn: Stubborn, source: Source, answer: Answer
) -> None:
    stubborn.next = [answer]
    assert source.read_bytes(FILM, LIMIT) == b"DICM"
    stubborn.next = [answer] * 3
    assert rejection(source) is Reason.UNREADABLE_FILE
    assert source.read_bytes(FILM, LIMIT) == b"DICM"


@pytest.mark.parametrize("status", [404, 410, 400])
def test_a_film_that_is_gone_since_it_was_listed_is_rejected_at_once(
    stubborn: Stubborn, source: Source, status: int
) -> None:
    assert FILM in [one.path for one in source.iter_objects()]
    stubborn.next = [Answer(status, b"gone", "text/plain")]
    assert rejection(source) is Reason.UNREADABLE_FILE
    assert not stubborn.next


@pytest.mark.parametrize("type_", ["application/dicom", "application/octet-stream", ""])
def test_a_film_may_come_without_parts(stubborn: Stubborn, source: Source, type_: str) -> None:
    stubborn.next = [Answer(body=b"DICM", type=type_)]
    assert source.read_bytes(FILM, LIMIT) == b"DICM"


def test_an_answer_without_end_is_cut_at_the_limit(stubborn: Stubborn, source: Source) -> None:
    stubborn.next = [Answer(body=bytes(3 * 10**6), cut_off=10**12)]
    assert rejection(source) is Reason.FILE_TOO_LARGE


@pytest.mark.parametrize("body", [b"<html>", b'"text"', b"7", b'["1.2"]', b"null"])
def test_what_is_no_dicomweb_server_is_said_clearly(stubborn: Stubborn, source: Source, body: bytes) -> None:
    for answer in (Answer(404), Answer(body=body, type="application/dicom+json")):
        stubborn.next = [answer]
        with pytest.raises(ArchiveError, match="check the URL"):
            list(source.iter_objects())


@pytest.mark.parametrize("found", [{}, {"0020000D": 7}, {"0020000D": {"Value": 7}}, {"0020000D": {"Value": []}}])
def test_what_names_no_study_is_passed_over(stubborn: Stubborn, source: Source, found: dict[str, Any]) -> None:
    stubborn.next = [Answer(body=json.dumps([found]).encode(), type="application/dicom+json")]
    assert len(list(source.iter_objects())) == len(STUDIES) - 1
