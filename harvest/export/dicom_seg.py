"""DICOM segmentations: one file per film, one binary segment per boxed finding, cut from the stored attention.

A segment is where the heatmap reaches the lowest threshold of the finding: the region that the largest box encloses.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from harvest.export.dicom_evidence import MANUFACTURER, evidence, finding_code, is_dicom, iter_saved, series_of
from harvest.export.records import Export, ExportedFilm
from harvest.lake import open_lake
from harvest.maps_of_lake import FilmAttention, iter_film_attention
from harvest.run_record import latest_complete_run


def export_dicom_seg(export: Export, out: Path) -> int:
    """Write ``<instance key>.dcm`` for every film with boxes that was a DICOM object; return the number of segments."""
    return sum(len(one.SegmentSequence) for _, one in iter_saved(iter_dicom_seg(export), out))


def iter_dicom_seg(export: Export) -> Iterator[tuple[ExportedFilm, Dataset]]:
    """Yield the segmentation of every film with boxes that was a DICOM object."""
    films = {film.key: film for film in export.films if film.boxes and is_dicom(film)}
    record = latest_complete_run(open_lake(export.lake))
    for key, found in iter_film_attention(export.lake, record, films):
        film = films[key]
        boxed = [one for one in found if any(box["finding"] == one.finding for box in film.boxes)]
        yield film, _segmentation(export, film, boxed)


def _segmentation(export: Export, film: ExportedFilm, found: list[FilmAttention]) -> Segmentation:
    masks = np.stack(list(_masks(film, found)), axis=-1)[None]
    return Segmentation(
        source_images=[evidence(film)],  # without spacing: highdicom cannot read its measures of a projection back
        pixel_array=masks,
        segmentation_type="BINARY",
        segment_descriptions=[_describe(export, place, one) for place, one in enumerate(found, start=1)],
        manufacturer_model_name=export.run["bundle"],
        software_versions=export.run["version"],
        device_serial_number=export.run["model_digest"][:16],
        content_label="FINDINGS",
        omit_empty_frames=False,
        **series_of(export, film, "seg"),
    )


def _masks(film: ExportedFilm, found: list[FilmAttention]) -> Iterator[npt.NDArray[np.uint8]]:
    for one in found:
        threshold = min(box["threshold"] for box in film.boxes if box["finding"] == one.finding)
        yield (one.heatmap() >= threshold).astype(np.uint8)


def _describe(export: Export, number: int, one: FilmAttention) -> SegmentDescription:
    algorithm = AlgorithmIdentificationSequence(
        name=f"iterative attention mining, model {export.run['bundle']}",
        family=codes.DCM.ArtificialIntelligence,
        version=export.run["version"],
        source=MANUFACTURER,
        parameters={
            "model_digest": export.run["model_digest"],
            "config_fingerprint": export.run["config_fingerprint"],
        },
    )
    return SegmentDescription(
        segment_number=number,
        segment_label=one.finding,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=finding_code(one.finding),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_uid=export.uid("segment", one.key, one.finding),
        tracking_id=f"{one.key}/{one.finding}",
    )
