"""``demo --ui``: a worker harvests phantoms on a real server, and Prefect's pages show it to a real browser.

With ``IAM_SCREENSHOTS=docs/img`` the pictures of the documentation are made anew, with the shipped bundle.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

PICTURES = os.environ.get("IAM_SCREENSHOTS")
FILMS = 60 if PICTURES else 20
PATIENCE_MS = 60_000


@pytest.fixture
def demo(tiny_bundle_path: Path, tmp_path: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "flows", "demo", "--ui", "--out", tmp_path / "demo", "--films", str(FILMS)]
    process = subprocess.Popen(
        [*command, "--model", "demo" if PICTURES else tiny_bundle_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a script's `make test &` would be deaf to it
    )
    yield process
    process.terminate()  # stops its server and worker
    process.wait(timeout=60)


def said(process: "subprocess.Popen[str]", pattern: str) -> str:
    """Read what the command prints up to a line that matches, and return the match."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found[1]
    pytest.fail(f"the command ended without saying {pattern}")


def test_the_pages_show_the_run(demo: "subprocess.Popen[str]", chromium: Browser, tmp_path: Path) -> None:
    address = said(demo, r"(http://127\.0\.0\.1:\d+/runs/flow-run/\S+)")
    assert said(demo, r"^(\w+)\. The pages stay open") == "Completed"
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    pictures = Path(PICTURES or tmp_path)

    open_artifacts(page, address)
    expect(page.get_by_text(re.compile(rf"^demo · \w+ · {FILMS} films$")).first).to_be_visible()
    expect(page.get_by_text("harvest-rejections").first).to_be_visible()
    expect(page.get_by_text(re.compile(rf"^{FILMS} of {FILMS} films · .* films/s · bottleneck: "))).to_be_visible()
    take(page, pictures / "prefect-run.png")

    open_artifact(page, "harvest-findings")
    expect(page.get_by_text("Pneumothorax").first).to_be_visible()
    take(page, pictures / "prefect-findings.png")

    open_artifacts(page, address)
    open_artifact(page, "harvest-summary")
    for words in ("no_finding", "films/s", str(tmp_path / "demo" / "lake")):
        expect(page.get_by_text(words).first).to_be_visible()

    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) == 0


def open_artifacts(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#artifacts").click()


def open_artifact(page: Page, key: str) -> None:
    page.locator("a[href*='/artifacts/artifact/']", has_text=key).first.click()
    page.wait_for_url("**/artifacts/artifact/**")


def take(page: Page, picture: Path) -> None:
    """Take a picture once nothing moves any more; it must be small enough for a repository."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(3000)  # the timeline glides into place
    page.screenshot(path=picture)
    assert picture.stat().st_size < 300_000
