"""CVAT: "CVAT for images 1.1" in a folder with the labels of a task.

``annotations.xml`` is uploaded into a task whose images have the films' names; ``labels.json`` is what the task's
constructor takes as raw labels, so that rank, probability and attention of a box stay with it.
"""

import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from harvest.export.records import Export, ExportedFilm
from models.findings import FINDINGS

ANNOTATIONS = "annotations.xml"
LABELS = "labels.json"
ATTRIBUTES = ("rank", "probability", "mean_attention")


def export_cvat(export: Export, out: Path) -> int:
    """Write the folder; return the number of boxes."""
    out.mkdir(parents=True, exist_ok=True)
    (out / LABELS).write_text(json.dumps(_labels(), indent=2) + "\n", encoding="utf-8")
    root = Element("annotations")
    _text(root, "version", "1.1")
    task = SubElement(SubElement(root, "meta"), "task")
    _text(task, "name", export.algorithm)
    _text(task, "size", len(export.films))
    _text(task, "mode", "annotation")
    _describe_labels(SubElement(task, "labels"))
    for place, film in enumerate(export.films):
        _add_film(root, place, film)
    indent(root)
    ElementTree(root).write(out / ANNOTATIONS, encoding="utf-8", xml_declaration=True)
    return sum(len(film.boxes) for film in export.films)


def _labels() -> list[dict[str, Any]]:
    attributes = [
        {"name": name, "input_type": "text", "mutable": False, "values": [""], "default_value": ""}
        for name in ATTRIBUTES
    ]
    return [{"name": name, "type": "rectangle", "attributes": attributes} for name in FINDINGS]


def _describe_labels(labels: Element) -> None:
    for one in _labels():
        label = SubElement(labels, "label")
        _text(label, "name", one["name"])
        attributes = SubElement(label, "attributes")
        for known in one["attributes"]:
            attribute = SubElement(attributes, "attribute")
            for name, value in known.items():
                _text(attribute, name, "\n".join(value) if isinstance(value, list) else value)


def _add_film(root: Element, place: int, film: ExportedFilm) -> None:
    rows, columns = film.hw
    image = SubElement(root, "image", id=str(place), name=film.file_name, width=str(columns), height=str(rows))
    for box in film.boxes:
        corners = {"xtl": "x_min", "ytl": "y_min", "xbr": "x_max", "ybr": "y_max"}
        shape = SubElement(image, "box", label=box["finding"], source="auto", occluded="0", z_order="0")
        for name, column in corners.items():
            shape.set(name, str(box[column]))
        for name in ATTRIBUTES:
            _text(shape, "attribute", box[name]).set("name", name)


def _text(parent: Element, tag: str, value: object) -> Element:
    child = SubElement(parent, tag)
    child.text = str(value)
    return child
