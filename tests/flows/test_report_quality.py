"""Quality without boxes and the comparison of settings in the report, in a real browser."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from harvest.config import BoxConfig, EngineConfig, HarvestConfig
from harvest.lake import open_lake
from harvest.phantom import PhantomRange, write_archive
from harvest.report.write import write_report
from harvest.run import RunRequest, run_harvest
from harvest.stability import StabilityRequest, measure_stability
from harvest.store import query

pytestmark = pytest.mark.services

OpenReport = Callable[[Path], Page]
Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def lake(tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DICOM phantoms of several scanners, months and years with labels, harvested under two settings and moved."""
    root = tmp_path_factory.mktemp("quality")
    archive = write_archive(root / "archive", PhantomRange(12, "dicom", seed=4, long_side=256), workers=1)

    def harvest(max_boxes: int) -> None:
        engine = EngineConfig(device="cpu", decode_workers=0)
        config = HarvestConfig(identifiers="keep", boxes=BoxConfig(max_boxes=max_boxes), engine=engine)
        run_harvest(RunRequest(str(archive.images), str(tiny_bundle_path), root / "lake", archive.labels, config))

    harvest(1)
    harvest(3)
    measure_stability(root / "lake", StabilityRequest(str(tiny_bundle_path), films=6))
    write_report(open_lake(root / "lake"))
    return root / "lake"


def numbers(place: Locator) -> list[int]:
    return [int(number) for text in place.all_inner_texts() for number in re.findall(r"\d+", text)]


def test_every_finding_has_its_signs(open_report: OpenReport, lake: Path, cli: Cli) -> None:
    page = open_report(lake)
    page.click("nav a[href='#quality']")
    asked = json.loads(cli("sql", lake, "labels_against_attention", "--json", "-").out)
    expected = {row["finding"]: [row[name] for name in ("labeled_and_seen", "labeled_not_seen", "seen_not_labeled")]
                for row in asked}  # fmt: skip
    cards = page.locator("#quality .signs")
    assert cards.count() > 5
    for card in cards.all():
        finding = card.locator("h3").inner_text().replace(" ", "_")
        assert numbers(card.locator("[data-sign=labels] figcaption span")) == expected[finding]
    assert page.locator("[data-sign=outside] .bar").count() > 0
    assert page.locator("[data-sign=course] path.course").count() > 5
    moved = page.locator("[data-sign=stability] path.sizes")
    assert moved.count() > 0
    assert all(shape.get_attribute("d") for shape in moved.all()[:1])


def test_scanners_stand_side_by_side(open_report: OpenReport, lake: Path) -> None:
    page = open_report(lake)
    films = query(lake, "SELECT count(*) AS films FROM current_instances WHERE state <> 'rejected'").to_pylist()
    heads = page.locator("table.scanners thead small")
    assert heads.count() > 1
    assert sum(numbers(heads)) == films[0]["films"]


def test_two_settings_are_compared_film_by_film(open_report: OpenReport, lake: Path) -> None:
    page = open_report(lake)
    row = page.locator("table.compared tbody tr").first
    films = int(row.locator("td").first.inner_text().split()[0])
    both, first, second, overlap = row.locator("td").all_inner_texts()[-4:]
    assert (both, first, second, overlap) == (str(films), "0", "0", "1.00"), "fewer boxes, but the same first one"
    assert "this page" in page.locator("table.compared thead").inner_text()


def test_films_are_filtered_by_size_and_year(open_report: OpenReport, lake: Path) -> None:
    page = open_report(lake)
    cases = page.locator(".case:visible")
    everything = cases.count()
    year = page.locator("[name=year] option").nth(1).get_attribute("value")
    assert year is not None
    page.select_option("[name=year]", year)
    dates = cases.evaluate_all("cases => cases.map(one => one.dataset.date)")
    assert 0 < len(dates) < everything
    assert all(date.startswith(year) for date in dates)
    page.select_option("[name=year]", "")
    page.select_option("[name=size]", "50")
    sizes = cases.evaluate_all("cases => cases.map(one => Number(one.dataset.size))")
    assert len(sizes) < everything
    assert all(size >= 0.5 for size in sizes)


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_it_fits(open_report: OpenReport, lake: Path, width: int) -> None:
    page = open_report(lake)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
