"""Boxes that people drew or corrected in another tool (COCO, Label Studio, CVAT), as annotated boxes of a lake's films.

Films are matched by instance key where the file still has it, else by file stem. The boxes, in pixels of the stored
image, become rows of the table ``annotated_boxes`` and a box table for ``evaluate --lake``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harvest.annotated import box_tables, write_annotated
from harvest.annotations import AnnotatedBox, film_stem
from harvest.corrected_files import CorrectedFilm, read_corrected
from harvest.errors import TableError
from harvest.evaluation.lake_films import read_lake_films
from harvest.lake import Lake, open_lake, writing
from harvest.publish import publish
from harvest.run_record import latest_complete_run

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
        TableError: the file is of no known tool, names an unknown film or finding, or has no box.
        LakeLockedError: another process writes to the lake.
    """
    lake = open_lake(root)
    stems = _stems(lake)
    data = _read(path)
    corrected = [(_stem_of(stems, film), film.boxes) for film in read_corrected(data, path)]
    boxes = tuple(
        AnnotatedBox(stem, finding, x, y, x + width, y + height)
        for stem, drawn in corrected
        for finding, (x, y, width, height) in drawn
    )
    if not boxes:
        raise TableError(f"{path} holds no box that a person drew or confirmed.")
    films = read_lake_films(root, latest_complete_run(lake)["config_fingerprint"]).named({box.stem for box in boxes})
    digest = hashlib.sha256(data).hexdigest()
    with writing(root) as opened:
        table = write_annotated(opened, digest[:16], ((films[box.stem].instance_key, box) for box in boxes))
        publish(root)
    return ImportSummary(table, boxes, len({stem for stem, _ in corrected}))


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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"Cannot read {path}: {error.strerror}.") from error


def _stem_of(stems: Stems, film: CorrectedFilm) -> str:
    stem = film_stem(film.name)
    for candidate in (film.key or "", stem, film_stem(film.name.partition("#")[0])):
        if candidate in stems:
            return stems[candidate]
    raise TableError(f"The lake holds no film {film.key or stem}; import into the lake that was exported.")
