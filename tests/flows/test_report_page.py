"""The report in a real browser: it loads, filters, sorts and enlarges, and asks for nothing outside its folder."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from harvest.config import HarvestConfig, read_toml
from harvest.rebox import ReboxConfig, rebox
from harvest.run import RunRequest, run_harvest
from harvest.store import query

pytestmark = pytest.mark.services

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def lake(small_archive: Path, tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lakes") / "lake"
    settings = HarvestConfig(identifiers="keep")
    run_harvest(RunRequest(str(small_archive), str(tiny_bundle_path), root, config=settings))
    return root


@pytest.fixture
def page(lake: Path, open_report: Callable[[Path], Page]) -> Page:
    """The report, opened from disk."""
    return open_report(lake)


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
    assert page.locator("#tools output").inner_text() == f"{everything.count(wanted)} of {len(everything)}"
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


RECTANGLES = """
(figures) => figures.map((figure) => [figure.querySelector("img").alt, [...figure.querySelectorAll("rect.cut")].map(
  (box) => ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name))))])
"""
Rectangles = dict[str, list[list[float]]]
"""x, y, width, height of boxes, the best rank first, by name of the film."""


def explored(page: Page) -> Rectangles:
    """Films that the threshold explorer shows."""
    return dict(page.locator("#explored .explored:not([hidden])").evaluate_all(RECTANGLES))


def in_gallery(page: Page, finding: str) -> Rectangles:
    figures = page.locator(f".case[data-finding={finding}] .stage").evaluate_all(RECTANGLES)
    return {film: boxes[::-1] for film, boxes in figures}


def in_lake(lake: Path, finding: str) -> Rectangles:
    columns = "x_min, y_min, x_max - x_min AS width, y_max - y_min AS height"
    rows = query(lake, f"SELECT source_uri, {columns} FROM current_boxes WHERE finding = '{finding}' ORDER BY rank")
    found: Rectangles = {}
    for row in rows.to_pylist():
        found.setdefault(row.pop("source_uri").rsplit("/", 1)[-1], []).append(list(row.values()))
    return found


def assert_near(ours: Rectangles, expected: Rectangles) -> None:
    drawn = {film: boxes for film, boxes in ours.items() if boxes}
    wanted = {film: boxes for film, boxes in expected.items() if film in ours}
    assert drawn == {film: [pytest.approx(box, abs=1e-6) for box in boxes] for film, boxes in wanted.items()}


def test_the_explorer_cuts_what_was_harvested_and_what_rebox_will_cut(page: Page, lake: Path, tmp_path: Path) -> None:
    for finding in sorted(set(findings(page))):
        page.select_option("#explorer-tools [name=finding]", finding)
        assert_near(explored(page), in_gallery(page, finding))
    page.locator("#explorer-tools [name=gate]").evaluate(
        "(slider) => { slider.value = slider.min; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.fill("#explorer-tools [name=thresholds]", "0.42, 0.8")
    drawn = explored(page)
    boxed = [boxes for boxes in drawn.values() if boxes]
    counts = page.locator("#explorer-counts").inner_text()
    assert counts.startswith(f"{sum(map(len, boxed))} boxes on {len(boxed)} of {len(drawn)} films")
    with page.expect_download() as download:
        page.click("#explorer-save")
    download.value.save_as(tmp_path / "rebox.toml")
    rebox(lake, tmp_path / "lake2", read_toml(ReboxConfig, tmp_path / "rebox.toml"))
    assert_near(drawn, in_lake(tmp_path / "lake2", finding))
    page.click("#explorer-tools button[type=reset]")
    assert_near(explored(page), in_gallery(page, finding))


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
    assert page.locator("#tools").is_hidden()
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
