"""DICOMweb over TLS, with a certificate that nobody knows: what is wrong is said in words that help."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harvest.config import ArchiveConfig
from harvest.errors import ArchiveError
from harvest.sources import open_source

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed (apt-get install openssl)"),
]
IMPATIENT = ArchiveConfig(patience_seconds=1)


class Empty(BaseHTTPRequestHandler):
    """A PACS without films."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Cut(BaseHTTPRequestHandler):
    """A server that hangs up on whoever shakes hands."""

    def setup(self) -> None:
        self.request.shutdown(2)
        super().setup()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of the host's own, made out to 127.0.0.1, and its key beside it."""
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=pacs -addext subjectAltName=IP:127.0.0.1"
    files = ["-out", str(tmp_path / "pacs.pem"), "-keyout", str(tmp_path / "pacs.key")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    return tmp_path / "pacs.pem"


@pytest.fixture
def port(request: pytest.FixtureRequest, certificate: Path) -> Iterator[int]:
    handler, has_tls = request.param
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if has_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def listed(url: str) -> int:
    return len(list(open_source(url, config=IMPATIENT).iter_objects()))


@pytest.mark.parametrize("port", [(Empty, True)], indirect=True)
def test_an_unknown_certificate_can_be_made_known(
    port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with pytest.raises(ArchiveError, match=r"self-signed certificate.*export REQUESTS_CA_BUNDLE=FILE"):
        listed(f"dicomweb+https://127.0.0.1:{port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert listed(f"dicomweb+https://127.0.0.1:{port}") == 0
    with pytest.raises(ArchiveError, match="host name of the address"):
        listed(f"dicomweb+https://localhost:{port}")


@pytest.mark.parametrize("port", [(Empty, False)], indirect=True)
def test_a_server_without_tls_is_told_from_one_with_a_wrong_certificate(port: int) -> None:
    with pytest.raises(ArchiveError, match=r"dicomweb\+http://"):
        listed(f"dicomweb+https://127.0.0.1:{port}")


@pytest.mark.parametrize("port", [(Cut, False)], indirect=True)
def test_a_connection_that_is_cut_says_nothing_of_a_certificate(port: int) -> None:
    with pytest.raises(ArchiveError, match="out of reach"):
        listed(f"dicomweb+https://127.0.0.1:{port}")
