"""Boxes of a lake for other tools: one file per format, each a function from an export to what it wrote."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from harvest.errors import SettingsError
from harvest.export.records import Export, read_export

FORMATS = {
    "coco": "one JSON file",
    "nih-csv": "box table of ChestX-ray14",
    "yolo": "folder of label files",
    "label-studio": "folder with tasks to correct and the labelling interface",
    "cvat": "folder with annotations to correct and the task's labels",
    "chexlocalize": "one JSON file of contours",
    "dicom-sr": "folder of TID 1500 reports, <instance key>.dcm",
    "dicom-seg": "folder of segmentations, <instance key>.dcm",
    "png-overlay": "folder of pictures; reads the films",
}
"""By name, and what each writes."""


@dataclass(frozen=True)
class ExportSummary:
    """What was written.

    Attributes:
        boxes: boxes (of dicom-seg: segments) written.
        films: in the lake, with a prediction.
        skipped: instance keys of films that the format has no place for (no DICOM objects).
        pseudonymous: whether names and UIDs are pseudonyms.
    """

    out: Path
    boxes: int
    films: int
    skipped: tuple[str, ...]
    pseudonymous: bool


def export_lake(lake: Path, name: str, out: Path, max_rank: int = 10, archive: str | None = None) -> ExportSummary:
    """Write the boxes of a lake's current settings in one format.

    Args:
        lake: directory of the lake.
        name: one of ``FORMATS``.
        out: file or folder, by format; made where there is none.
        max_rank: of each film and finding the first so many boxes.
        archive: where the films lie now, for pictures; None: where they lay when they were harvested.

    Raises:
        SettingsError: the format is unknown.
        ArchiveError: a film for a picture cannot be read.
        LakeError: there is nothing to export, or the format cannot hold it.
    """
    if name not in FORMATS:
        raise SettingsError(f"There is no format {name!r}. Formats: {', '.join(FORMATS)}.")
    export = read_export(lake, max_rank)
    out.parent.mkdir(parents=True, exist_ok=True)
    module_name = name.replace("-", "_")
    write = getattr(import_module(f"harvest.export.{module_name}"), f"export_{module_name}")
    boxes = write(export, out, archive) if name == "png-overlay" else write(export, out)
    return ExportSummary(out, boxes, len(export.films), _skipped(export, name), not export.named)


def _skipped(export: Export, name: str) -> tuple[str, ...]:
    if not name.startswith("dicom-"):
        return ()
    from harvest.export.dicom_evidence import is_dicom

    return tuple(film.key for film in export.films if not is_dicom(film))
