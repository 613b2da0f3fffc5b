"""A harvested lake, scored: names, frames, splits, rejected films, and the page."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harvest.annotations import film_stem
from harvest.batches import iter_films
from harvest.config import GateConfig, HarvestConfig, Identifiers
from harvest.errors import LakeError, SettingsError, TableError
from harvest.evaluation.measure import Sampling
from harvest.evaluation.of_lake import EvaluationRequest, evaluate_lake
from harvest.evaluation.page import render_page
from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.localization import Localizer
from harvest.phantom.sketch import sketch_chest
from harvest.predict import Predictor
from harvest.records import ArchiveObject, InstanceHeader
from harvest.rows import ShardRows
from harvest.sources import open_source
from models.bundle import Bundle

ROWS, COLUMNS = 120, 90
LABELS = {"f1": "Mass|Nodule", "f2": "Mass", "f3": "Nodule", "f4": "", "broken": "Mass"}
Harvest = Callable[..., Path]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number, name in enumerate(LABELS):
        Image.fromarray(sketch_chest(number, ROWS, COLUMNS)).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def harvest(images: Path, tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Harvest:
    config = HarvestConfig(gate=GateConfig(mode="labels"))
    localizer = Localizer(Predictor(tiny_bundle, config.engine), config)
    source = open_source(str(images))

    def write(identifiers: Identifiers = "keep", fingerprints: tuple[str, ...] = ("f" * 16,)) -> Path:
        lake = tmp_path_factory.mktemp("lake")
        for fingerprint in fingerprints:
            keys = RunKeys("run", tiny_bundle.digest, fingerprint, "archive", identifiers, SiteKey(bytes(32)))
            rows = ShardRows(keys)
            objects = [_described(one) for one in source.iter_objects()]
            for film in iter_films(source, objects, config.decode, tiny_bundle.spec.network.input_hw, 0):
                results = localizer.localize([film])[0] if film.input is not None else None
                rows.add_rejected(film) if results is None else rows.add_predicted(film, results)
            for name, table in rows.tables().items():
                path = lake / ("private" if name == "crosswalk" else "") / name / f"part-{fingerprint}-0.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(table, path)
        return lake

    return write


def _described(one: ArchiveObject) -> ArchiveObject:
    stem = film_stem(one.path)
    described = InstanceHeader(patient_id="p1" if stem in ("f1", "f2") else stem)
    return ArchiveObject(one.path, one.size, one.mtime_ns, LABELS[stem], described)


def box_table(folder: Path, rows: list[tuple[str, str, float, float, float, float]]) -> Path:
    lines = ["Image Index,Finding Label,Bbox [x,y,w,h],,,", *(",".join(map(str, row)) for row in rows)]
    path = folder / "boxes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def harvested_corners(lake: Path, stem: str, finding: str) -> tuple[float, float, float, float]:
    rows = pq.read_table(lake / "boxes").to_pylist()
    row = next(r for r in rows if r["finding"] == finding and film_stem(r["source_uri"]) == stem and r["rank"] == 1)
    return row["x_min"], row["y_min"], row["x_max"] - row["x_min"], row["y_max"] - row["y_min"]


def request(path: Path, **changes: object) -> EvaluationRequest:
    return EvaluationRequest(path, **{"frame": None, "sampling": Sampling(resamples=50), **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lake(harvest: Harvest) -> Path:
    return harvest()


def accuracy(metrics: dict, finding: str, threshold: str = "0.7", protocol: str = "iam-all-boxes") -> float:
    return metrics["protocols"][protocol]["IoU"][threshold][finding]["accuracy"]


def test_a_box_drawn_where_one_was_harvested_is_hit(lake: Path, tiny_bundle: Bundle, tmp_path: Path) -> None:
    table = box_table(tmp_path, [("f1.png", "Mass", *harvested_corners(lake, "f1", "Mass"))])
    metrics = evaluate_lake(lake, request(table), tiny_bundle.spec).metrics
    assert accuracy(metrics, "Mass") == 1
    assert metrics["figures"]["first_box_iou"]["Mass"]["value"] == pytest.approx(1)
    assert metrics["figures"]["pointing_game"]["Mass"]["value"] == 1  # every box holds the maximum
    assert accuracy(metrics, "Mass", "0.1", "wang-all-boxes") == 1


def test_boxes_in_the_frame_of_their_table_are_scaled_to_the_film(lake: Path, tmp_path: Path) -> None:
    x, y, width, height = harvested_corners(lake, "f2", "Mass")
    scale_x, scale_y = 1024 / COLUMNS, 1024 / ROWS
    table = box_table(tmp_path, [("f2.png", "Mass", x * scale_x, y * scale_y, width * scale_x, height * scale_y)])
    in_frame = evaluate_lake(lake, request(table, frame=(1024.0, 1024.0)), None).metrics
    assert in_frame["figures"]["first_box_iou"]["Mass"]["value"] == pytest.approx(1)
    in_pixels = evaluate_lake(lake, request(table), None).metrics
    assert in_pixels["figures"]["first_box_iou"]["Mass"]["value"] < 0.1


def test_pseudonyms_change_no_figure(harvest: Harvest, lake: Path, tiny_bundle: Bundle, tmp_path: Path) -> None:
    table = box_table(tmp_path, [("f1.png", "Mass", 10, 10, 50, 60), ("f3.png", "Nodule", 5, 40, 60, 50)])
    kept = evaluate_lake(lake, request(table), tiny_bundle.spec)
    hidden = harvest("pseudonymize")
    assert evaluate_lake(hidden, request(table), tiny_bundle.spec) == kept
    for part in (hidden / "private" / "crosswalk").iterdir():
        part.unlink()
    with pytest.raises(LakeError, match="crosswalk"):
        evaluate_lake(hidden, request(table), None)


def test_a_lake_with_kept_names_needs_no_crosswalk(harvest: Harvest, lake: Path, tmp_path: Path) -> None:
    table = box_table(tmp_path, [("f1.png", "Mass", 10, 10, 50, 60), ("f3.png", "Nodule", 5, 40, 60, 50)])
    bare = harvest()
    for part in (bare / "private" / "crosswalk").iterdir():
        part.unlink()
    assert evaluate_lake(bare, request(table), None) == evaluate_lake(lake, request(table), None)


def test_a_rejected_film_is_missed_and_an_absent_one_is_out_of_scope(lake: Path, tmp_path: Path) -> None:
    drawn = harvested_corners(lake, "f1", "Mass")
    table = box_table(tmp_path, [(f"{name}.png", "Mass", *drawn) for name in ("f1", "broken", "elsewhere")])
    metrics = evaluate_lake(lake, request(table), None).metrics
    assert metrics["films"] == {"scored": 2, "of_these_rejected": 1, "annotated_but_not_in_scope": 1}
    assert accuracy(metrics, "Mass") == 0.5


def test_auc_is_over_films_with_labels(lake: Path, tmp_path: Path) -> None:
    table = box_table(tmp_path, [("f1.png", "Mass", 10, 10, 50, 60)])
    rows = pq.read_table(lake / "predictions").to_pylist()
    mass = {film_stem(row["instance_key"]): row for row in rows if row["finding"] == "Mass"}
    positive = [row["probability"] for row in mass.values() if row["labeled"]]
    negative = [row["probability"] for row in mass.values() if not row["labeled"]]
    expected = np.mean([(p > n) + 0.5 * (p == n) for p in positive for n in negative])
    metrics = evaluate_lake(lake, request(table), None).metrics
    assert metrics["figures"]["auc"]["Mass"]["value"] == pytest.approx(expected)
    assert "Hernia" not in metrics["figures"]["auc"]  # no film carries it


def test_a_split_limits_the_films(lake: Path, tmp_path: Path) -> None:
    table = box_table(tmp_path, [("f1.png", "Mass", 10, 10, 50, 60), ("f2.png", "Mass", 10, 10, 50, 60)])
    labels = tmp_path / "labels.csv"
    labels.write_text("Image Index,Finding Labels,split\nf1.png,Mass,dev\nf2.png,Mass,eval\n")
    split = {"labels": labels, "split_column": "split", "splits": ("dev",)}
    assert evaluate_lake(lake, request(table, **split), None).metrics["annotated_boxes"] == 1
    with pytest.raises(SettingsError, match="--split-column"):
        evaluate_lake(lake, request(table, splits=("dev",)), None)


def test_tables_and_lakes_that_do_not_fit_say_so(lake: Path, harvest: Harvest, tmp_path: Path) -> None:
    table = box_table(tmp_path, [("other.png", "Mass", 10, 10, 50, 60)])
    with pytest.raises(TableError, match="None of the 1 films"):
        evaluate_lake(lake, request(table), None)
    with pytest.raises(LakeError, match="no instances"):
        evaluate_lake(tmp_path, request(table), None)
    with pytest.raises(LakeError, match="2 models or settings"):
        evaluate_lake(harvest("keep", ("a" * 16, "b" * 16)), request(table), None)


def test_the_page_stands_alone_and_names_its_protocols(
    lake: Path, images: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    table = box_table(tmp_path, [("f1.png", "Mass", 10, 10, 50, 60), ("f3.png", "Nodule", 5, 40, 60, 50)])
    evaluation = evaluate_lake(lake, request(table, images=images), tiny_bundle.spec)
    page = render_page(json.loads(json.dumps(evaluation.metrics)), evaluation.shown)
    assert [(one.finding, one.kind, one.stem) for one in evaluation.shown] == [
        ("Mass", "best", "f1"),
        ("Nodule", "best", "f3"),
    ]
    for expected in ("iam-table2", "iam-all-boxes", "wang-all-boxes", "AFP per annotated box", "IAM baseline (CAM)"):
        assert expected in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert f'viewBox="0 0 {COLUMNS} {ROWS}"' in page
    assert "http://" not in page and "https://" not in page and "<script" not in page
