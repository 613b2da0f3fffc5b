"""Files of other tools in which people drew or corrected boxes, read: COCO, Label Studio, CVAT for images 1.1."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from harvest.errors import TableError, UnknownFindingError
from models.findings import canonical_finding

Corner = tuple[float, float, float, float]
"""x, y, width, height in pixels of the stored image."""


@dataclass(frozen=True, slots=True)
class CorrectedFilm:
    """A film that a person looked at.

    Attributes:
        key: instance key, where the file still has it.
        name: of the film in the file.
        boxes: finding and place of each box.
    """

    key: str | None
    name: str
    boxes: tuple[tuple[str, Corner], ...]


def read_corrected(data: bytes, path: Path) -> list[CorrectedFilm]:
    """Return the films of a file, of whichever tool.

    Args:
        data: what the file holds.
        path: for messages.

    Raises:
        TableError: the file is none of a known tool, a finding unknown, or a box turned or without area.
    """
    try:
        return list(_iter_films(data))
    except UnknownFindingError as error:
        raise TableError(f"{path}: {error}") from error
    except (KeyError, TypeError, IndexError, ValueError, ElementTree.ParseError) as error:
        raise TableError(
            f"{path} is not what COCO, Label Studio or CVAT write, as far as boxes go: {type(error).__name__} {error}."
        ) from error


def _iter_films(data: bytes) -> Iterator[CorrectedFilm]:
    if data.lstrip().startswith(b"<"):
        return _cvat(ElementTree.fromstring(data))
    content = json.loads(data)
    return _coco(content) if isinstance(content, dict) else _label_studio(content)


def _coco(content: dict[str, Any]) -> Iterator[CorrectedFilm]:
    names = {one["id"]: canonical_finding(one["name"]) for one in content["categories"]}
    for image in content["images"]:
        drawn = [one for one in content["annotations"] if one["image_id"] == image["id"]]
        boxes = tuple((names[one["category_id"]], _corner(*one["bbox"])) for one in drawn)
        yield CorrectedFilm(image.get("instance_key"), image["file_name"], boxes)


def _label_studio(content: list[Any]) -> Iterator[CorrectedFilm]:
    for task in content:
        done = [one for one in task.get("annotations", []) if not one.get("was_cancelled")]
        if done:  # a task without one was not looked at: its predictions are ours
            regions = [one for one in done[-1]["result"] if one["type"] == "rectanglelabels"]
            boxes = tuple(_region(one["value"], one["original_width"], one["original_height"]) for one in regions)
            yield CorrectedFilm(task["data"].get("instance_key"), task["data"]["image"], boxes)


def _region(value: dict[str, Any], columns: int, rows: int) -> tuple[str, Corner]:
    _require_upright(value.get("rotation"))
    shares = (value["x"] * columns, value["y"] * rows, value["width"] * columns, value["height"] * rows)
    return canonical_finding(value["rectanglelabels"][0]), _corner(*(number / 100 for number in shares))


def _cvat(root: ElementTree.Element) -> Iterator[CorrectedFilm]:
    if root.tag != "annotations":
        raise ValueError(f"its outermost element is {root.tag!r}")
    for image in root.iter("image"):
        yield CorrectedFilm(None, image.attrib["name"], tuple(_shape(box.attrib) for box in image.iter("box")))


def _shape(box: dict[str, str]) -> tuple[str, Corner]:
    _require_upright(box.get("rotation"))
    left, top, right, bottom = (float(box[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
    return canonical_finding(box["label"]), _corner(left, top, right - left, bottom - top)


def _require_upright(rotation: str | float | None) -> None:
    if float(rotation or 0):
        raise ValueError("a box is turned; boxes here are upright")


def _corner(x: float, y: float, width: float, height: float) -> Corner:
    if not (width > 0 and height > 0):
        raise ValueError("a box needs a width and height above zero")
    return x, y, width, height
