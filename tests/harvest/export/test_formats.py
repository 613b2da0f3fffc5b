"""Boxes written for another tool and read back are the lake's; the tool takes them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw
from pycocotools import mask
from pycocotools.coco import COCO

from harvest.annotations import AnnotatedBox, film_stem, read_box_table
from harvest.corrections import import_annotations
from harvest.errors import SettingsError, TableError
from harvest.evaluation.of_lake import EvaluationRequest, evaluate_lake
from harvest.export import FORMATS, export_lake
from harvest.export.records import Export, read_export
from models.findings import FINDINGS

Boxes = list[AnnotatedBox]
TURNED = (
    '<annotations><image name="x.png">'
    '<box label="Mass" xtl="1" ytl="1" xbr="9" ybr="9" rotation="30.0"/></image></annotations>'
)


def lake_boxes(export: Export) -> Boxes:
    return [
        AnnotatedBox(film.stem, box["finding"], box["x_min"], box["y_min"], box["x_max"], box["y_max"])
        for film, box in export.iter_boxes()
    ]


def corners(boxes: Boxes) -> list[list[float]]:
    """Of all boxes, in an order that does not depend on the last digits."""
    found = [(one.stem, one.finding, [one.x_min, one.y_min, one.x_max, one.y_max]) for one in boxes]
    return [box for _, _, box in sorted(found, key=lambda one: (*one[:2], np.round(one[2], 1).tolist()))]


def test_coco_opens_in_pycocotools_and_comes_back(either: Export, tmp_path: Path) -> None:
    summary = export_lake(either.lake, "coco", tmp_path / "boxes.json")
    coco = COCO(str(tmp_path / "boxes.json"))
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    found = []
    for one in coco.loadAnns(coco.getAnnIds()):
        (image,) = coco.loadImgs(one["image_id"])
        x, y, width, height = one["bbox"]
        found.append(
            AnnotatedBox(film_stem(image["file_name"]), names[one["category_id"]], x, y, x + width, y + height)
        )
    assert summary.boxes == len(found)
    np.testing.assert_allclose(corners(found), corners(lake_boxes(either)), atol=1e-9)
    detections = [
        {name: one[name] for name in ("image_id", "category_id", "bbox", "score")} for one in coco.anns.values()
    ]
    assert len(coco.loadRes(detections).anns) == len(found)


def test_nih_table_is_read_like_the_original(either: Export, tmp_path: Path) -> None:
    export_lake(either.lake, "nih-csv", tmp_path / "boxes.csv")
    np.testing.assert_allclose(
        corners(list(read_box_table(tmp_path / "boxes.csv").boxes)), corners(lake_boxes(either)), atol=1e-9
    )
    assert "Infiltration" not in (tmp_path / "boxes.csv").read_text()


def test_yolo_files_hold_shares_of_the_film(exported: Export, tmp_path: Path) -> None:
    export_lake(exported.lake, "yolo", tmp_path / "yolo")
    names = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text())["names"]
    found = []
    for film in exported.films:
        rows, columns = film.hw
        for line in (tmp_path / "yolo" / "labels" / f"{film.stem}.txt").read_text().splitlines():
            place, x, y, width, height = map(float, line.split())
            left, top = (x - width / 2) * columns, (y - height / 2) * rows
            found.append(
                AnnotatedBox(film.stem, names[int(place)], left, top, left + width * columns, top + height * rows)
            )
    np.testing.assert_allclose(corners(found), corners(lake_boxes(exported)), atol=1e-3)
    assert list(names.values()) == list(FINDINGS)


def test_chexlocalize_contours_enclose_the_boxes(either: Export, tmp_path: Path) -> None:
    """As CheXlocalize's scripts read them: filled at the film's size, then run-length encoded by pycocotools."""
    export_lake(either.lake, "chexlocalize", tmp_path / "boxes.json", max_rank=1)
    content = json.loads((tmp_path / "boxes.json").read_text())
    for stem, film in either.by_stem().items():
        rows, columns = content[stem]["img_size"]
        for box in film.boxes:
            if box["rank"] == 1:
                name = {"Effusion": "Pleural Effusion"}.get(box["finding"], box["finding"].replace("_", " "))
                (contour,) = content[stem][name]
                filled = Image.new("1", (columns, rows))
                ImageDraw.Draw(filled).polygon([tuple(point) for point in contour], fill=1)
                left, top, width, height = mask.toBbox(mask.encode(np.asfortranarray(filled, dtype=np.uint8)))
                found = [left, top, left + width, top + height]
                expected = [box["x_min"], box["y_min"], box["x_max"], box["y_max"]]
                np.testing.assert_allclose(found, expected, atol=1.5)


def test_label_studio_predictions_that_a_person_confirms_come_back(exported: Export, tmp_path: Path) -> None:
    export_lake(exported.lake, "label-studio", tmp_path / "tasks")
    interface = ElementTree.parse(tmp_path / "tasks" / "interface.xml")
    assert {label.get("value") for label in interface.iter("Label")} == set(FINDINGS)
    tasks = json.loads((tmp_path / "tasks" / "tasks.json").read_text())
    with pytest.raises(TableError, match="no box that a person"):
        import_annotations(exported.lake, tmp_path / "tasks" / "tasks.json")
    for task in tasks:
        task["annotations"] = [{"result": task.pop("predictions")[0]["result"]}]
    (tmp_path / "done.json").write_text(json.dumps(tasks))
    summary = import_annotations(exported.lake, tmp_path / "done.json")
    np.testing.assert_allclose(corners(list(summary.boxes)), corners(lake_boxes(exported)), atol=1e-6)


@pytest.mark.parametrize("kind", ["named", "pseudonymous"])
def test_cvat_annotations_come_back_as_a_person_left_them(
    harvested: tuple[Path, Path, Path], kind: str, tmp_path: Path
) -> None:
    export = read_export(getattr(harvested, kind), 1)
    export_lake(export.lake, "cvat", tmp_path, max_rank=1)
    labels = {one["name"]: one for one in json.loads((tmp_path / "labels.json").read_text())}
    tree = ElementTree.parse(tmp_path / "annotations.xml")
    assert list(labels) == [name.text for name in tree.findall("meta/task/labels/label/name")] == list(FINDINGS)
    for box in tree.iter("box"):
        known = {attribute["name"] for attribute in labels[box.attrib["label"]]["attributes"]}
        assert {attribute.get("name") for attribute in box} == known
        box.set("xbr", str(float(box.attrib["xtl"]) + 8))  # a reader makes every box 8 pixels wide
    tree.write(tmp_path / "corrected.xml")
    summary = import_annotations(export.lake, tmp_path / "corrected.xml")
    stems = {film_stem(path.name) for path in harvested[0].rglob("*") if path.is_file()}
    assert {box.stem for box in summary.boxes} <= stems
    assert (summary.films, len(summary.boxes)) == (8, sum(len(film.boxes) for film in export.films))
    assert {round(box.x_max - box.x_min, 6) for box in summary.boxes} == {8.0}


@pytest.mark.parametrize("kind", ["named", "pseudonymous"])
def test_corrected_boxes_are_what_the_lake_is_evaluated_against(
    harvested: tuple[Path, Path, Path], kind: str, tmp_path: Path
) -> None:
    lake = getattr(harvested, kind)
    export_lake(lake, "coco", tmp_path / "boxes.json", max_rank=1)
    content = json.loads((tmp_path / "boxes.json").read_text())
    for one in content["annotations"]:
        one["bbox"][2] *= 0.75  # a reader narrows every box
    (tmp_path / "corrected.json").write_text(json.dumps(content))
    summary = import_annotations(lake, tmp_path / "corrected.json")
    assert (summary.films, len(summary.boxes)) == (8, len(content["annotations"]))
    evaluation = evaluate_lake(lake, EvaluationRequest(boxes=summary.table, frame=None), None)
    assert evaluation.metrics["films"]["scored"] == len({one["image_id"] for one in content["annotations"]})


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("no json", "what COCO, Label Studio or CVAT write"),
        ("<html/>", "outermost element is 'html'"),
        ("<annotations><image", "what COCO, Label Studio or CVAT write"),
        ('<annotations><image name="x.png"/></annotations>', "no film x"),
        (TURNED, "a box is turned"),
        ('{"images": [], "categories": []}', "no box"),
        ('{"images": [{"id": 1, "file_name": "x.png"}], "categories": [], "annotations": []}', "no film x"),
        ('{"images": [], "categories": [{"id": 1, "name": "Fracture"}], "annotations": []}', "Fracture"),
        ('{"boxes": []}', "what COCO, Label Studio or CVAT write"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(exported: Export, tmp_path: Path, content: str, hint: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(TableError, match=hint):
        import_annotations(exported.lake, tmp_path / "x.json")


def test_pictures_show_the_boxes(exported: Export, harvested: tuple[Path, Path, Path], tmp_path: Path) -> None:
    export_lake(exported.lake, "png-overlay", tmp_path / "png")
    film = next(film for film in exported.films if film.boxes)
    picture = np.asarray(Image.open(tmp_path / "png" / f"{film.stem}.png"))
    assert picture.shape == (*film.hw, 3)
    box = film.boxes[0]
    edge = picture[int((box["y_min"] + box["y_max"]) / 2), int(box["x_min"]) + 1]
    assert len(set(edge.tolist())) > 1, "a coloured line, not grey"


def test_what_cannot_be_exported_is_told(exported: Export, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Formats: coco"):
        export_lake(exported.lake, "voc", tmp_path / "x")


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"png-overlay"}))
def test_nothing_of_the_archive_is_in_a_pseudonymous_export(
    harvested: tuple[Path, Path, Path], name: str, tmp_path: Path
) -> None:
    summary = export_lake(harvested[2], name, tmp_path / "out")
    assert summary.pseudonymous
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()] or [tmp_path / "out"]
    secrets = {film_stem(path.name) for path in harvested[0].rglob("*") if path.is_file()} | {"PH0000", "patient0"}
    for path in written:
        data = path.read_bytes()
        assert not any(secret.encode() in data or secret in path.name for secret in secrets)
