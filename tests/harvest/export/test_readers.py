"""Exports opened by the tools that they are for, with those tools' own readers; what they read is the lake's boxes."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from label_studio_converter import Converter
from PIL import Image
from supervision import DetectionDataset

from harvest.corrections import import_annotations
from harvest.export import export_lake
from harvest.export.records import Export
from models.findings import FINDINGS

Boxes = dict[str, list[tuple[str, list[float]]]]


def lake_boxes(export: Export) -> Boxes:
    """By film: finding and corners, in the order in which exports write them."""
    return {
        film.stem: [(box["finding"], [box["x_min"], box["y_min"], box["x_max"], box["y_max"]]) for box in film.boxes]
        for film in export.films
    }


def assert_equal(found: Boxes, expected: Boxes, pixels: float) -> None:
    assert {stem: [name for name, _ in boxes] for stem, boxes in found.items()} == {
        stem: [name for name, _ in boxes] for stem, boxes in expected.items()
    }
    for stem, boxes in expected.items():
        ours, theirs = ([corners for _, corners in one] for one in (boxes, found[stem]))
        np.testing.assert_allclose(np.reshape(theirs, (-1, 4)), np.reshape(ours, (-1, 4)), rtol=0, atol=pixels)


def write_blank_films(export: Export, folder: Path) -> None:
    for film in export.films:
        path = folder / film.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", film.hw[::-1]).save(path, "PNG")


READ_BY_DATUMARO = """
import json, sys
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
read = Dataset.import_from(sys.argv[1], sys.argv[2])
names = [label.name for label in read.categories()[AnnotationType.label]]
boxes = {film.id: [(names[one.label], one.points, one.attributes) for one in film.annotations] for film in read}
print(json.dumps(boxes))
"""


def read_by_datumaro(folder: Path, format: str) -> dict[str, list[tuple[str, list[float], dict[str, str]]]]:
    """By film, without folder and suffix: finding, corners and attributes. Datumaro needs older libraries than ours."""
    python = os.environ.get("IAM_DATUMARO")
    if python is None:
        pytest.skip("IAM_DATUMARO names no Python that has datumaro (.ci/run installs one)")
    command = [python, "-c", READ_BY_DATUMARO, str(folder), format]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    return {Path(name).name: boxes for name, boxes in read.items()}


def test_datumaro_reads_cvat(either: Export, tmp_path: Path) -> None:
    export_lake(either.lake, "cvat", tmp_path)
    write_blank_films(either, tmp_path / "images")
    read = read_by_datumaro(tmp_path, "cvat")
    found = {stem: [(name, corners) for name, corners, _ in boxes] for stem, boxes in read.items()}
    assert_equal(found, lake_boxes(either), pixels=0.01)  # Datumaro rounds to hundredths
    for film in either.films:
        ranks = [attributes["rank"] for _, _, attributes in read[film.stem]]
        assert ranks == [str(box["rank"]) for box in film.boxes]


def test_datumaro_reads_coco(either: Export, tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    export_lake(either.lake, "coco", tmp_path / "annotations" / "instances_default.json")
    write_blank_films(either, tmp_path / "images" / "default")
    read = read_by_datumaro(tmp_path, "coco")
    found = {stem: [(name, corners) for name, corners, _ in boxes] for stem, boxes in read.items()}
    assert_equal(in_order(found), in_order(lake_boxes(either)), pixels=0.01)


def in_order(boxes: Boxes) -> Boxes:
    """By finding and place, as far as hundredths of a pixel tell: Datumaro keeps another order."""
    return {
        stem: sorted(found, key=lambda one: (one[0], np.round(one[1], 1).tolist())) for stem, found in boxes.items()
    }


def test_supervision_reads_yolo(either: Export, tmp_path: Path) -> None:
    export_lake(either.lake, "yolo", tmp_path)
    (tmp_path / "images").mkdir()
    for film in either.films:
        Image.new("L", film.hw[::-1]).save(tmp_path / "images" / f"{film.stem}.png")
    dataset = DetectionDataset.from_yolo(
        str(tmp_path / "images"), str(tmp_path / "labels"), str(tmp_path / "data.yaml")
    )
    assert dataset.classes == list(FINDINGS)
    found = {
        Path(path).stem: [
            (dataset.classes[place], corners.tolist()) for place, corners in zip(read.class_id, read.xyxy, strict=True)
        ]
        for path, read in dataset.annotations.items()
    }
    assert_equal(found, lake_boxes(either), pixels=1e-3)  # six decimals of a share of 256 pixels, read as float32


def test_label_studio_converts_what_a_person_confirmed(either: Export, tmp_path: Path) -> None:
    export_lake(either.lake, "label-studio", tmp_path)
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    for number, task in enumerate(tasks, start=1):  # as Label Studio gives them out again
        task |= {"id": number, "annotations": [{"id": number, "result": task["predictions"][0]["result"]}]}
    (tmp_path / "done.json").write_text(json.dumps(tasks))
    converter = Converter((tmp_path / "interface.xml").read_text(), str(tmp_path), download_resources=False)
    converter.convert_to_coco(str(tmp_path / "done.json"), str(tmp_path / "coco"), is_dir=False)
    content = json.loads((tmp_path / "coco" / "result.json").read_text())
    assert {one["name"] for one in content["categories"]} == set(FINDINGS)
    back = import_annotations(either.lake, tmp_path / "coco" / "result.json")
    found: Boxes = {film.stem: [] for film in either.films}
    for box in back.boxes:
        found[box.stem].append((box.finding, [box.x_min, box.y_min, box.x_max, box.y_max]))
    assert_equal(found, lake_boxes(either), pixels=1e-6)
