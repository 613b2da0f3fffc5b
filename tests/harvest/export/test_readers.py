"""Exports opened by the tools that they are for, with those tools' own readers; what they read is the lake's boxes."""

import json
from pathlib import Path

import numpy as np
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


def test_supervision_reads_yolo(exported: Export, tmp_path: Path) -> None:
    export_lake(exported.lake, "yolo", tmp_path)
    (tmp_path / "images").mkdir()
    for film in exported.films:
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
    assert_equal(found, lake_boxes(exported), pixels=1e-3)  # six decimals of a share of 256 pixels, read as float32


def test_label_studio_converts_what_a_person_confirmed(exported: Export, tmp_path: Path) -> None:
    export_lake(exported.lake, "label-studio", tmp_path)
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    for number, task in enumerate(tasks, start=1):  # as Label Studio gives them out again
        task |= {"id": number, "annotations": [{"id": number, "result": task["predictions"][0]["result"]}]}
    (tmp_path / "done.json").write_text(json.dumps(tasks))
    converter = Converter((tmp_path / "interface.xml").read_text(), str(tmp_path), download_resources=False)
    converter.convert_to_coco(str(tmp_path / "done.json"), str(tmp_path / "coco"), is_dir=False)
    content = json.loads((tmp_path / "coco" / "result.json").read_text())
    assert {one["name"] for one in content["categories"]} == set(FINDINGS)
    back = import_annotations(exported.lake, tmp_path / "coco" / "result.json")
    found: Boxes = {film.stem: [] for film in exported.films}
    for box in back.boxes:
        found[box.stem].append((box.finding, [box.x_min, box.y_min, box.x_max, box.y_max]))
    assert_equal(found, lake_boxes(exported), pixels=1e-6)
