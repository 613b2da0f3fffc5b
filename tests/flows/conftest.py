"""The command line as a function, and a Prefect that never touches the user's own settings."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from harvest.phantom.sketch import sketch_chest

# Prefect reads these at first import, which the collection of test modules may cause.
PREFECT_HOME = tempfile.TemporaryDirectory(prefix="iam-harvest-tests-", ignore_cleanup_errors=True)
os.environ["PREFECT_HOME"] = PREFECT_HOME.name
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.pop("PREFECT_API_URL", None)


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run ``iam-harvest`` with arguments in this process."""
    from flows.cli import main

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["iam-harvest", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capfd.readouterr()
        code = stopped.value.code
        if isinstance(code, str):  # sys.exit(text) prints it and exits with 1
            return Outcome(1, out, err + code)
        return Outcome(int(code or 0), out, err)

    return call


@pytest.fixture
def open_report(chromium: Browser) -> Iterator[Callable[[Path], Page]]:
    """Open a lake's report from disk; whatever the browser complains of or asks for elsewhere fails the test."""
    complaints: list[str] = []

    def open_one(lake: Path) -> Page:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        home = (lake / "report").as_uri()
        page.on("request", lambda one: one.url.startswith((home, "data:")) or complaints.append(f"asked: {one.url}"))
        page.goto(f"{home}/index.html")
        return page

    yield open_one
    assert complaints == []


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten sketches of a chest, portrait, and a file that is no film."""
    directory = tmp_path_factory.mktemp("archives") / "ward"
    directory.mkdir()
    for number in range(10):
        Image.fromarray(sketch_chest(number, 300, 260)).save(directory / f"patient-{number:02d}.png")
    (directory / "broken.dcm").write_bytes(b"no film at all")
    return directory


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[str]:
    """A real server on a loopback port; while it stands, every run in this process is a flow run on it."""
    from flows.prefect_server import temporary_server

    with temporary_server() as url:
        yield url
