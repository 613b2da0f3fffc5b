"""The report of a lake: what it counts, what it shows, and what it must not show."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.config import BoxConfig, HarvestConfig
from harvest.errors import SettingsError, TableError
from harvest.geometry import Placement
from harvest.lake import open_lake, writing
from harvest.phantom.sketch import sketch_chest
from harvest.publish import publish
from harvest.report.charts import bars, shares
from harvest.report.figures import CELLS, read_figures
from harvest.report.pictures import ERASED, LEVELS, Frame
from harvest.report.request import PAGE, BoxSource, ReportRequest
from harvest.report.write import write_report
from harvest.run import RunRequest, run_harvest
from harvest.store import query


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four soft pictures, wider than high, and a file that is no film; names that must not leak."""
    folder = tmp_path_factory.mktemp("archives") / "ward"
    folder.mkdir()
    for index in range(4):
        Image.fromarray(sketch_chest(index, 180, 240)).save(folder / f"smith-{index}.png")
    (folder / "jones.dcm").write_bytes(b"no film")
    return folder


@pytest.fixture(scope="module")
def request_(archive: Path, tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    lake = tmp_path_factory.mktemp("lakes") / "lake"
    return RunRequest(str(archive), str(tiny_bundle_path), lake, config=HarvestConfig(identifiers="keep"))


@pytest.fixture(scope="module")
def lake(request_: RunRequest) -> Path:
    run_harvest(request_)
    return request_.lake


def page(lake: Path) -> str:
    return (lake / PAGE).read_text(encoding="utf-8")


def pictures(html: str) -> set[str]:
    return set(re.findall(r'(?:src|href)="(img/[^"]+)"', html))


def write_boxes(path: Path, rows: str) -> BoxSource:
    path.write_text("Image Index,Finding Label,Bbox [x,y,w,h]\n" + rows)
    return BoxSource(path, None)


def test_a_run_leaves_a_report_with_every_picture_it_names(lake: Path) -> None:
    named = pictures(page(lake))
    stored = {f"img/{path.name}" for path in (lake / PAGE).with_name("img").iterdir()}
    assert named == stored
    assert len([name for name in named if name.endswith(".jpg")]) == 4
    assert not any("smith" in name for name in stored)
    assert not list(lake.glob(".tmp-*"))


def test_the_page_needs_nothing_from_elsewhere(lake: Path) -> None:
    html = page(lake)
    assert not re.findall(r'(?:src|href)="(?!img/|#|data:)', html)
    assert "http" not in html.replace("http-equiv", "")
    assert "not a medical device" in html


def test_counts_are_those_of_the_tables(lake: Path) -> None:
    figures = read_figures(lake)
    (row,) = query(lake, "SELECT count(*) AS films FROM instances").to_pylist()
    boxes = {row["finding"]: row["n"] for row in query(
        lake, "SELECT finding, count(*) AS n FROM boxes GROUP BY finding").to_pylist()}  # fmt: skip
    assert figures.films == row["films"] == 5
    assert figures.states["rejected"] == 1
    assert [dict(row) for row in figures.rejections] == [
        {"reason_code": "unknown_format", "stage": "header", "films": 1}
    ]
    assert {one.finding: one.boxes for one in figures.findings if one.boxes} == boxes
    for one in figures.findings:
        assert one.above.sum() == one.films
        assert one.above.sum() + one.below.sum() == 4
        assert one.sizes.sum() == one.films


def test_places_count_the_first_boxes_that_cover_a_cell(lake: Path) -> None:
    for one in read_figures(lake).findings:
        expected = np.zeros((CELLS, CELLS), int)
        sql = "SELECT * FROM boxes_with_film WHERE rank = 1 AND finding = $finding"
        for box in query(lake, sql, {"finding": one.finding}).to_pylist():
            x = np.array([box["x_min"], box["x_max"]]) / box["film_columns"] * CELLS
            y = np.array([box["y_min"], box["y_max"]]) / box["film_rows"] * CELLS
            expected[int(y[0]) : int(np.ceil(y[1])), int(x[0]) : int(np.ceil(x[1]))] += 1
        np.testing.assert_array_equal(one.places, expected)


def test_the_record_says_how_fast_the_run_was(lake: Path) -> None:
    (path,) = (lake / "runs").iterdir()
    pace = json.loads(path.read_text())["pace"]
    assert pace["films"] == 5
    assert set(pace["stage_seconds"]) == {"wait_decode", "localize", "rows", "commit"}
    assert 0 < sum(pace["stage_seconds"].values()) <= pace["seconds"]
    assert "bottleneck" in page(lake)


def test_pseudonymized_lakes_show_no_film_unless_asked(request_: RunRequest, tmp_path: Path) -> None:
    hidden = replace(request_, lake=tmp_path / "hidden", config=HarvestConfig())
    run_harvest(hidden)
    assert not [name for name in pictures(page(hidden.lake)) if "film" in name]
    assert "--gallery" in page(hidden.lake)
    write_report(open_lake(hidden.lake), ReportRequest(gallery=True))
    assert len([name for name in pictures(page(hidden.lake)) if name.endswith(".jpg")]) == 4
    for name in ("smith", "jones", "ward"):
        assert name not in page(hidden.lake)
    with pytest.raises(SettingsError, match="--gallery"):
        write_report(open_lake(hidden.lake), ReportRequest(boxes=BoxSource(tmp_path / "boxes.csv")))


def test_annotated_boxes_stand_beside_ours(lake: Path, tmp_path: Path) -> None:
    source = write_boxes(tmp_path / "boxes.csv", "smith-2.jpg,Hernia,30,40,50,60\n")
    write_report(open_lake(lake), ReportRequest(films=1, boxes=source))
    html = page(lake)
    assert "smith-2.png" in html
    assert html.count('class="drawn"') == 1
    assert '<rect class="drawn" x="30.0" y="40.0" width="50.0" height="60.0"/>' in html
    foreign = write_boxes(tmp_path / "foreign.csv", "other.png,Hernia,30,40,50,60\n")
    with pytest.raises(TableError, match="None of the films"):
        write_report(open_lake(lake), ReportRequest(boxes=foreign))


def test_films_that_are_gone_are_left_out_and_counted(request_: RunRequest, archive: Path, tmp_path: Path) -> None:
    run_harvest(replace(request_, lake=tmp_path / "lake"))
    (tmp_path / "lake" / "private" / "archives.json").write_text('{"ward": "moved away"}')
    write_report(open_lake(tmp_path / "lake"))
    assert "4 films of the pick could not be read again" in page(tmp_path / "lake")


def test_a_lake_without_a_run_has_a_report(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        publish(lake.root)
        write_report(lake)
    assert "No run is complete yet" in page(tmp_path / "lake")


def test_settings_stand_side_by_side(request_: RunRequest, tmp_path: Path) -> None:
    first = replace(request_, lake=tmp_path / "lake")
    run_harvest(first)
    assert "Settings side by side" not in page(first.lake)
    run_harvest(replace(first, config=HarvestConfig(identifiers="keep", boxes=BoxConfig(max_boxes=1))))
    html = page(first.lake)
    counts = re.findall(r"<td>(\d+) <small>\((\d+)\)</small></td><td>(\d+) <small>\((\d+)\)</small></td>", html)
    assert counts
    for films, boxes, films_before, boxes_before in counts:
        assert films == boxes == films_before
        assert int(boxes_before) >= int(boxes)


def test_maps_lie_where_the_film_does() -> None:
    wide = Placement(rows=100, columns=200, input_hw=(64, 64))
    values = np.zeros((8, 8), np.float32)
    values[2, 7] = 1  # the film covers rows 2 to 5 of the map: this is its upper right corner
    drawn = Frame.of(wide).heat(values)
    assert drawn.shape == (100, 200)
    assert np.unravel_index(drawn.argmax(), drawn.shape)[1] > 180
    assert drawn[:20, 185:].max() == LEVELS - 1
    assert drawn[50:].max() == 0


def test_an_iteration_shows_what_was_erased_before() -> None:
    square = Placement(rows=64, columns=64, input_hw=(64, 64))
    keep = np.ones((8, 8), bool)
    keep[:4] = False
    values = np.where(keep, np.linspace(-2, -1, 64).reshape(8, 8), 0).astype(np.float32)
    drawn = Frame.of(square).step(values, keep)
    assert set(np.unique(drawn[:28])) == {0, ERASED}
    assert ERASED not in drawn[36:]
    assert drawn[-1, -1] == LEVELS - 1, "the scale is that of what was visible"
    assert set(np.unique(Frame.of(square).step(values, np.zeros((8, 8), bool)))) == {0, ERASED}


def test_constant_maps_are_not_drawn() -> None:
    assert not Frame.of(Placement(30, 20, (64, 64))).heat(np.ones((8, 8), np.float32)).any()


def test_bars_grow_with_the_square_root() -> None:
    assert bars(np.zeros(3, np.int64), 0) == ""
    path = bars(np.array([0, 25, 100]), 100)
    assert re.findall(r"v-([\d.]+)h", path) == ["50", "100"]


def test_shares_of_nothing_are_zero() -> None:
    assert shares([0, 0]) == [0, 0]
    assert shares([1, 3]) == [25, 75]
