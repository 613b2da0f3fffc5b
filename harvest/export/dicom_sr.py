"""DICOM structured reports: TID 1500, one file per film, each box a planar region "bounded by" a rectangle.

Each region carries the finding's code, its probability, the algorithm (name, version, digest of the model, settings)
and a tracking identifier, ``<instance key>/<finding>/<rank>``, which ``explain`` takes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from harvest.export.dicom_evidence import MANUFACTURER, evidence, finding_code, is_dicom, iter_saved, series_of
from harvest.export.records import Export, ExportedFilm


def export_dicom_sr(export: Export, out: Path) -> int:
    """Write ``<instance key>.dcm`` for every film with boxes that was a DICOM object; return the number of boxes."""
    return sum(len(film.boxes) for film, _ in iter_saved(iter_dicom_sr(export), out))


def iter_dicom_sr(export: Export) -> Iterator[tuple[ExportedFilm, Dataset]]:
    """Yield the report of every film with boxes that was a DICOM object."""
    for film in export.films:
        if film.boxes and is_dicom(film):
            yield film, _report(export, film)


def _report(export: Export, film: ExportedFilm) -> ComprehensiveSR:
    header = evidence(film)
    device = DeviceObserverIdentifyingAttributes(
        uid=export.uid("device"), name=MANUFACTURER, manufacturer_name=MANUFACTURER, model_name=export.run["bundle"]
    )
    context = ObservationContext(
        observer_device_context=ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    )
    content = MeasurementReport(
        observation_context=context,
        procedure_reported=codes.SCT.PlainRadiography,
        imaging_measurements=[_region(export, film, header, box) for box in film.boxes],
        title=codes.DCM.ImagingMeasurementReport,
    )
    return ComprehensiveSR(evidence=[header], content=content, is_complete=True, **series_of(export, film, "sr"))


def _region(
    export: Export, film: ExportedFilm, header: Dataset, box: dict[str, Any]
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    x_min, y_min, x_max, y_max = (box[name] for name in ("x_min", "y_min", "x_max", "y_max"))
    corners = np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max], [x_min, y_min]])
    frame = film.row["frame"]
    source = SourceImageForRegion(
        header.SOPClassUID, header.SOPInstanceUID, referenced_frame_numbers=[frame] if frame > 1 else None
    )
    identifier = f"{film.key}/{box['finding']}/{box['rank']}"
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(export.uid("box", identifier), identifier),
        referenced_region=ImageRegion("POLYLINE", corners, source),
        finding_type=finding_code(box["finding"]),
        geometric_purpose=codes.SCT.BoundedBy,
        algorithm_id=AlgorithmIdentification(
            name=f"iterative attention mining, model {export.run['bundle']}",
            version=export.run["version"],
            parameters=[
                f"model_digest={export.run['model_digest']}",
                f"config_fingerprint={export.run['config_fingerprint']}",
                f"threshold={box['threshold']:g}",
            ],
        ),
        measurements=[Measurement(codes.DCM.Probability, round(box["probability"], 6), codes.UCUM.NoUnits)],
    )
