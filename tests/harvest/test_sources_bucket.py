"""Buckets, against a real server on loopback (moto's S3; Azurite where it is installed)."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from obstore.store import ObjectStore, from_url

from harvest.config import ArchiveConfig
from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import UNKNOWN_SIZE, open_source, to_decode

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

pytestmark = pytest.mark.services
LIMIT = 1000
FILES = {"a-b.png": b"1", "a/x.dcm": b"22", "a b#.png": b"4444", "é.png": b"55555"}
SECRET = "not-for-logs"
IMPATIENT = ArchiveConfig(patience_seconds=1, requests_per_second=500)


@pytest.fixture
def bucket(s3: "ThreadedMotoServer") -> ObjectStore:
    """The bucket's part below ``films``, filled."""
    return fill(from_url("s3://hospital/films"))


def fill(store: ObjectStore) -> ObjectStore:
    for path, data in FILES.items():
        store.put(path, data)
    return store


def test_objects_are_listed_by_key_with_evidence_and_read(bucket: ObjectStore) -> None:
    source = open_source("s3://hospital/films")
    listed = list(source.iter_objects())
    assert [(one.path, one.size) for one in listed] == sorted((path, len(data)) for path, data in FILES.items())
    assert {one.path: source.read_bytes(one.path, LIMIT) for one in listed} == FILES
    assert (source.name, source.lists_everything) == ("films", True)
    assert list(source.iter_objects()) == listed
    bucket.put("a/x.dcm", b"33")
    changed = set(source.iter_objects()) - set(listed)
    assert [(one.path, one.size) for one in changed] == [("a/x.dcm", 2)]


def test_what_cannot_be_read_is_a_rejection_that_reaches_the_decoder(bucket: ObjectStore) -> None:
    bucket.put("empty", b"")
    source = open_source("s3://hospital/films")
    for path, limit, reason in (
        ("empty", LIMIT, Reason.EMPTY_FILE),
        ("é.png", 4, Reason.FILE_TOO_LARGE),
        ("gone", LIMIT, Reason.UNREADABLE_FILE),
    ):
        with pytest.raises(RejectedError) as caught:
            to_decode(source, path, limit).read_bytes(path, limit)
        assert caught.value.reason is reason


def test_a_list_chooses_from_a_bucket(bucket: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "tonight.csv").write_text("path\na/x.dcm\ngone\n")
    source = open_source(str(tmp_path / "tonight.csv"), root="s3://hospital/films")
    assert [(one.path, one.size) for one in source.iter_objects()] == [("a/x.dcm", 2), ("gone", UNKNOWN_SIZE)]
    assert source.read_bytes("a/x.dcm", LIMIT) == b"22"


def test_a_bucket_that_is_not_there_or_out_of_reach_is_said_clearly(
    s3: "ThreadedMotoServer", capfd: pytest.CaptureFixture[str]
) -> None:
    fill(from_url("s3://hospital/films"))
    with pytest.raises(ArchiveError, match="no bucket"):
        list(open_source("s3://none/films", config=IMPATIENT).iter_objects())
    source = open_source("s3://hospital/films", config=IMPATIENT)
    assert len(list(source.iter_objects())) == len(FILES)
    s3.stop()
    with pytest.raises(ArchiveError, match="out of reach"):
        source.read_bytes("a/x.dcm", LIMIT)
    assert SECRET not in "".join(capfd.readouterr())


class PageByPage(BaseHTTPRequestHandler):
    """A bucket of nine keys that gives two at a time; asked for those behind the sixth it fails a while."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        start = query.get("continuation-token") or query.get("start-after", "films/")
        self.asked.append(start)
        status = 503 if start.endswith("6") and self.asked.count(start) < 6 else 200
        keys = [f"films/{number}" for number in range(1, 10) if f"films/{number}" > start]
        found = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"1"</ETag><Size>1</Size></Contents>'
            for key in keys[:2]
        )
        more = f"<NextContinuationToken>{keys[1]}</NextContinuationToken>" if len(keys) > 2 else ""
        cut = str(len(keys) > 2).lower()
        body = f"<ListBucketResult><IsTruncated>{cut}</IsTruncated>{more}{found}</ListBucketResult>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_listing_that_was_cut_off_goes_on_behind_its_last_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harvest.sources.object_store.PAGE", 2)
    with ThreadingHTTPServer(("127.0.0.1", 0), PageByPage) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        names = {"ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": SECRET, "REGION": "us-east-1", "ALLOW_HTTP": "true"}
        for name, value in (names | {"ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}"}).items():
            monkeypatch.setenv(f"AWS_{name}", value)
        source = open_source("s3://hospital/films", config=ArchiveConfig(patience_seconds=60))
        assert [one.path for one in source.iter_objects()] == [str(number) for number in range(1, 10)]
        server.shutdown()
    assert PageByPage.asked == sorted(PageByPage.asked), "no page is asked for again once it was read"
    assert PageByPage.asked.count("films/6") == 6


@pytest.mark.parametrize("url", [f"s3://me:{SECRET}@hospital/films", f"s3://hospital/films?X-Amz-Signature={SECRET}"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ArchiveError, match="environment") as caught:
        open_source(url)
    assert SECRET not in str(caught.value)


@pytest.mark.usefixtures("azure")
def test_azure_containers_are_read_alike() -> None:
    fill(from_url("az://hospital/films"))
    source = open_source("az://hospital/films")
    assert {one.path: source.read_bytes(one.path, LIMIT) for one in source.iter_objects()} == FILES
