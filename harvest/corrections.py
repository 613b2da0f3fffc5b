"""Boxes that people drew or corrected in another tool (COCO, Label Studio), as annotated boxes of a lake's films.

Films are matched by instance key where the file still has it, else by file stem. The boxes, in pixels of the stored
image, become rows of the table ``annotated_boxes`` and a box table for ``evaluate --lake``.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.annotated import box_tables, write_annotated
from harvest.annotations import AnnotatedBox, film_stem
from harvest.errors import TableError, UnknownFindingError
from harvest.evaluation.lake_films import read_lake_films
from harvest.lake import Lake, open_lake, writing
from harvest.publish import publish
from harvest.run_record import latest_complete_run
from models.findings import canonical_finding

Stems = Mapping[str, str]
"""Stem of a film by instance key and by stem."""


@dataclass(frozen=True)
class ImportSummary:
    """What was read: boxes by finding, films that a person looked at, and the table that was written."""

    table: Path
    boxes: tuple[AnnotatedBox, ...]
    films: int


def import_annotations(root: Path, path: Path) -> ImportSummary:
    """Read corrected boxes into the lake, and publish them.

    Raises:
        LakeError: there is no lake, or no run of it is complete.
        TableError: the file is neither COCO nor Label Studio JSON, names an unknown film or finding, or has no box.
        LakeLockedError: another process writes to the lake.
    """
    lake = open_lake(root)
    stems = _stems(lake)
    content, digest = _read_json(path)
    read = _coco_boxes if isinstance(content, dict) else _label_studio_boxes
    try:
        found = list(read(content, stems))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise TableError(
            f"{path} is neither COCO nor Label Studio's JSON as far as boxes go: {type(error).__name__} {error}."
        ) from error
    except UnknownFindingError as error:
        raise TableError(f"{path}: {error}") from error
    boxes = tuple(box for _, film in found for box in film)
    if not boxes:
        raise TableError(f"{path} holds no box that a person drew or confirmed.")
    films = read_lake_films(root, latest_complete_run(lake)["config_fingerprint"]).named({box.stem for box in boxes})
    with writing(root) as opened:
        table = write_annotated(opened, digest[:16], ((films[box.stem].instance_key, box) for box in boxes))
        publish(root)
    return ImportSummary(table, boxes, len({stem for stem, _ in found}))


def latest_import(root: Path) -> Path:
    """Return the box table of the latest import into a lake.

    Raises:
        LakeError: there is no lake.
        TableError: nothing was imported.
    """
    tables = box_tables(open_lake(root))
    if not tables:
        raise TableError(f"No boxes were imported into {root}: give --boxes, or 'iam-harvest import' some first.")
    return tables[-1]


def _stems(lake: Lake) -> Stems:
    fingerprint = latest_complete_run(lake)["config_fingerprint"]
    rows = lake.read_column_set("crosswalk", fingerprint, ["instance_key", "path"]).to_pylist()
    by_stem = {film_stem(row["path"]): film_stem(row["path"]) for row in rows}
    return by_stem | {row["instance_key"]: film_stem(row["path"]) for row in rows}


def _read_json(path: Path) -> tuple[Any, str]:
    try:
        data = path.read_bytes()
        return json.loads(data), hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise TableError(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise TableError(f"{path} is not JSON.") from error


def _coco_boxes(content: dict[str, Any], stems: Stems) -> Iterator[tuple[str, list[AnnotatedBox]]]:
    names = {one["id"]: canonical_finding(one["name"]) for one in content["categories"]}
    for image in content["images"]:
        stem = _stem_of(stems, image.get("instance_key"), image["file_name"])
        drawn = [one for one in content["annotations"] if one["image_id"] == image["id"]]
        yield stem, [_box(stem, names[one["category_id"]], one["bbox"]) for one in drawn]


def _label_studio_boxes(content: list[Any], stems: Stems) -> Iterator[tuple[str, list[AnnotatedBox]]]:
    for task in content:
        done = [one for one in task.get("annotations", []) if not one.get("was_cancelled")]
        if done:  # a task without one was not looked at: its predictions are ours
            stem = _stem_of(stems, task["data"].get("instance_key"), task["data"]["image"])
            regions = [one for one in done[-1]["result"] if one["type"] == "rectanglelabels"]
            yield stem, [_region(stem, one) for one in regions]


def _region(stem: str, region: dict[str, Any]) -> AnnotatedBox:
    value, width, height = region["value"], region["original_width"], region["original_height"]
    corner = [value["x"] * width, value["y"] * height, value["width"] * width, value["height"] * height]
    return _box(stem, canonical_finding(value["rectanglelabels"][0]), [number / 100 for number in corner])


def _box(stem: str, finding: str, corner: list[float]) -> AnnotatedBox:
    x, y, width, height = corner
    if not (width > 0 and height > 0):
        raise ValueError("a box needs a width and height above zero")
    return AnnotatedBox(stem, finding, x, y, x + width, y + height)


def _stem_of(stems: Stems, key: str | None, name: str) -> str:
    for candidate in (key or "", film_stem(name), film_stem(name.partition("#")[0])):
        if candidate in stems:
            return stems[candidate]
    raise TableError(f"The lake holds no film {key or film_stem(name)}; import into the lake that was exported.")
