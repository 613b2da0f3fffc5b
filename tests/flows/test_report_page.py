"""The report in a real browser: it loads, filters, sorts and enlarges, and asks for nothing outside its folder."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from harvest.config import HarvestConfig
from harvest.run import RunRequest, run_harvest

pytestmark = pytest.mark.services

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def lake(small_archive: Path, tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lakes") / "lake"
    settings = HarvestConfig(identifiers="keep")
    run_harvest(RunRequest(str(small_archive), str(tiny_bundle_path), root, config=settings))
    return root


@pytest.fixture
def page(lake: Path, chromium: Browser) -> Iterator[Page]:
    """The report, opened from disk; whatever the browser complains of or asks for elsewhere fails the test."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    home = (lake / "report").as_uri()
    opened.on("request", lambda one: one.url.startswith((home, "data:")) or complaints.append(f"asked: {one.url}"))
    opened.goto(f"{home}/index.html")
    yield opened
    assert complaints == []


def findings(page: Page) -> list[str]:
    """Findings of the cases that are shown, in their order."""
    return page.locator(".case:visible").evaluate_all("cases => cases.map(one => one.dataset.finding)")


def test_it_shows_films_with_maps_and_boxes(page: Page) -> None:
    assert page.locator("h1").inner_text() == "Harvest report"
    first = page.locator(".case").first
    first.scroll_into_view_if_needed()
    first.locator("img").evaluate_all("pictures => Promise.all(pictures.map(one => one.decode()))")
    film = first.locator(".stage .film").bounding_box()
    assert film is not None
    assert film["width"] / film["height"] == pytest.approx(260 / 300, abs=0.01), "the film keeps its shape"
    assert first.locator(".steps li").all_inner_texts() == ["film", "iteration 1", "iteration 2", "iteration 3"]
    assert first.locator("rect.cut").count() == first.locator("tbody tr, table > tr").count() > 0


def test_it_filters_and_sorts(page: Page) -> None:
    everything = findings(page)
    wanted = everything[0]
    page.select_option("[name=finding]", wanted)
    assert findings(page) == [wanted] * everything.count(wanted)
    assert page.locator("output").inner_text() == f"{everything.count(wanted)} of {len(everything)}"
    page.select_option("[name=finding]", "")
    page.select_option("[name=sort]", "finding")
    assert findings(page) == sorted(everything)
    page.select_option("[name=sort]", "size")
    sizes = page.locator(".case:visible").evaluate_all("cases => cases.map(one => Number(one.dataset.size))")
    assert sizes == sorted(sizes, reverse=True)
    page.fill("[name=film]", "patient-03")
    assert 0 < len(findings(page)) < len(everything)
    page.fill("[name=film]", "nobody")
    assert page.locator("#nothing").is_visible()


def test_a_finding_leads_to_its_films(page: Page) -> None:
    button = page.locator("[data-show]").first
    finding = button.get_attribute("data-show")
    button.click()
    assert set(findings(page)) == {finding}


def test_it_enlarges_and_walks_by_keyboard(page: Page) -> None:
    page.locator(".case .stage").first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    small, large = page.locator("#cases .film").first.bounding_box(), dialog.locator(".film").first.bounding_box()
    assert small is not None
    assert large is not None
    assert large["height"] > 1.5 * small["height"]
    title = dialog.locator("h3, .about").all_inner_texts()
    page.keyboard.press("ArrowRight")
    assert dialog.locator("h3, .about").all_inner_texts() != title
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("h3, .about").all_inner_texts() == title
    page.keyboard.press("a")
    assert dialog.locator(".stage .map").is_hidden()
    page.keyboard.press("b")
    assert dialog.locator(".film-boxes").is_hidden()
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert page.evaluate("document.activeElement.className") == "stage", "focus returns to the film"


def brightness(page: Page, style: str) -> int:
    colour: str = page.evaluate("style => getComputedStyle(document.body)[style]", style)
    return sum(map(int, re.findall(r"\d+", colour)))


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (3840, "light")])
def test_it_fits_phones_and_large_screens_in_both_schemes(page: Page, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = (brightness(page, name) for name in ("backgroundColor", "color"))
    assert (paper < ink) == (scheme == "dark")


def test_it_prints_every_case(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator(".tools").is_hidden()
    assert len(page.pdf()) > 10_000


def test_the_command_makes_it_anew(cli: Cli, lake: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("patient-00.png,Mass,10,20,30,40\n")
    outcome = cli("report", lake, "--films", 2, "--boxes", boxes, "--box-frame", "image")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.strip() == str(lake / "report" / "index.html")
    html = (lake / "report" / "index.html").read_text(encoding="utf-8")
    assert 'class="drawn"' in html
    assert html.count("Enlarge") < 40
