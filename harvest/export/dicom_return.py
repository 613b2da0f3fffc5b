"""Reports and segmentations back into the PACS that the films came from (STOW-RS), under the archive's own UIDs.

A lake may know its films by pseudonyms only; the private crosswalk says whose they are. Patient and study are written
as the PACS itself has them, asked film by film, so that what is stored joins the study instead of starting a second
one. A film that this PACS does not hold gets nothing. Nothing that names a patient is written to disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from harvest.config import HarvestConfig
from harvest.errors import LakeError, SettingsError
from harvest.export.dicom_seg import iter_dicom_seg
from harvest.export.dicom_sr import iter_dicom_sr
from harvest.export.records import Export, ExportedFilm, read_export
from harvest.lake import open_lake
from harvest.sources import DICOMWEB, open_source
from harvest.sources.dicomweb import DicomWebArchive

FORMATS = {"dicom-sr": iter_dicom_sr, "dicom-seg": iter_dicom_seg}
UIDS = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")


@dataclass(frozen=True)
class StoreSummary:
    """What was stored.

    Attributes:
        objects: reports or segmentations that the PACS has taken, one for each film with boxes.
        absent: instance keys of films with boxes that this PACS does not hold.
        films: in the lake, with a prediction.
    """

    objects: int
    absent: tuple[str, ...]
    films: int


def store_in_archive(lake: Path, name: str, url: str, max_rank: int = 10) -> StoreSummary:
    """Store the boxes of a lake's current settings under the studies of their films.

    Args:
        lake: directory of the lake.
        name: ``dicom-sr`` or ``dicom-seg``.
        url: of the PACS, ``dicomweb+https://`` or ``dicomweb+http://``.
        max_rank: of each film and finding the first so many boxes.

    Raises:
        SettingsError: the format is no DICOM object, or the address none of a PACS.
        LakeError: there is nothing to export, or the private crosswalk is missing.
        ArchiveError: the PACS refuses, or is out of reach; what it has taken stays, and storing again changes nothing.
    """
    if name not in FORMATS:
        raise SettingsError(f"A PACS does not take {name!r}; store one of {', '.join(FORMATS)}.")
    export = read_export(lake, max_rank)
    pacs = _open_pacs(url, export)
    found = _films_of(pacs, export)
    held = tuple(film for film in found.values() if film is not None)
    # other words than an export to disk: one SOP instance UID never stands for two contents
    restored = replace(export, films=held, named=True, uid_words=("in the archive", str(max_rank)))
    objects = 0
    for _, instance in FORMATS[name](restored):
        pacs.store(instance)
        objects += 1
    return StoreSummary(objects, tuple(key for key, film in found.items() if film is None), len(export.films))


def _open_pacs(url: str, export: Export) -> DicomWebArchive:
    schemes = [f"{scheme}://" for scheme in DICOMWEB]
    if not url.startswith(tuple(schemes)):
        raise SettingsError(f"{url!r} is no PACS that results can be stored in; give {' or '.join(schemes)}.")
    source = open_source(url, config=HarvestConfig.model_validate_json(export.run["config"]).archive)
    assert isinstance(source, DicomWebArchive)
    return source


def _films_of(pacs: DicomWebArchive, export: Export) -> dict[str, ExportedFilm | None]:
    """Return the films with boxes that have UIDs, by instance key, as the PACS knows them; None: it does not."""
    found: dict[str, ExportedFilm | None] = {}
    for film, uids in _with_uids(export):
        header = pacs.read_header("/".join(uids))
        found[film.key] = None if header is None else replace(film, row=film.row | _row(uids, header), header=header)
    return found


def _with_uids(export: Export) -> Iterator[tuple[ExportedFilm, tuple[str, ...]]]:
    fingerprint = export.run["config_fingerprint"]
    rows = open_lake(export.lake).read_column_set("crosswalk", fingerprint, ["instance_key", *UIDS]).to_pylist()
    if not rows:
        raise LakeError(f"The private crosswalk of {export.lake} is missing; store where the lake was harvested.")
    uids = {row["instance_key"]: tuple(row[name] for name in UIDS) for row in rows}
    for film in export.films:
        if film.boxes and all(uids[film.key]):
            yield film, uids[film.key]


def _row(uids: tuple[str, ...], header: Dataset) -> dict[str, Any]:
    columns: dict[str, Any] = dict(zip(("study_key", "series_key", "sop_key"), uids, strict=True))
    return columns | {"patient_key": header.get("PatientID")}
