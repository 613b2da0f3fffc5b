"""What the DICOM exports share: the film as its row describes it, codes of findings, who says so.

The film itself is not read: a row holds all that its evidence needs. UIDs are those of the lake: the archive's own
where identifiers were kept, else pseudonyms, and the series description says which; what goes back into a PACS has
patient and study as that PACS tells them. Films that were no DICOM objects have no UIDs and are left out.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from harvest.export.records import Export, ExportedFilm

MANUFACTURER = "iam-harvest"
PRIVATE_SCHEME = "99IAMHARVEST"
OF_PATIENT_AND_STUDY = (
    "SOPClassUID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyTime",
)
"""What a film's header says of itself and of all objects of its study, beside UIDs and patient ID."""
_CODES = {
    "Cardiomegaly": codes.SCT.Cardiomegaly,
    "Effusion": codes.SCT.PleuralEffusion,
    "Mass": codes.SCT.Mass,
    "Nodule": codes.SCT.Nodule,
    "Pneumothorax": codes.SCT.Pneumothorax,
    "Edema": codes.SCT.PulmonaryEdema,
}


def finding_code(finding: str) -> Code:
    """Return the SNOMED CT code that DICOM's own dictionary has for a finding, else one of a private scheme."""
    return _CODES.get(finding) or Code(finding.upper()[:16], PRIVATE_SCHEME, finding.replace("_", " "))


def is_dicom(film: ExportedFilm) -> bool:
    """Tell whether the lake knows the UIDs of a film."""
    return all(film.row[name] for name in ("sop_key", "series_key", "study_key"))


def series_description(export: Export) -> str:
    """Say what the objects are, and whose UIDs they have."""
    return f"Harvested findings, {'original' if export.named else 'pseudonymous'} UIDs"


def iter_saved(made: Iterable[tuple[ExportedFilm, Dataset]], out: Path) -> Iterator[tuple[ExportedFilm, Dataset]]:
    """Write each object made of a film as ``<instance key>.dcm`` into a folder, and pass it on."""
    out.mkdir(parents=True, exist_ok=True)
    for film, instance in made:
        instance.save_as(out / f"{film.key}.dcm", enforce_file_format=True)
        yield film, instance


def evidence(film: ExportedFilm) -> Dataset:
    """Return the film's header, as far as the lake holds it; storage class by modality (DX: for presentation)."""
    row = film.row
    header = Dataset()
    header.SOPClassUID = (
        DigitalXRayImageStorageForPresentation if row["modality"] == "DX" else ComputedRadiographyImageStorage
    )
    header.SOPInstanceUID, header.SeriesInstanceUID = row["sop_key"], row["series_key"]
    header.StudyInstanceUID, header.Modality = row["study_key"], row["modality"] or "CR"
    header.PatientID, header.PatientName, header.PatientBirthDate = row["patient_key"] or "", "", ""
    header.PatientSex = row["sex"] or ""
    header.StudyID = header.AccessionNumber = header.ReferringPhysicianName = ""
    header.StudyDate = header.StudyTime = ""
    header.Rows, header.Columns = film.hw
    if film.header is not None:
        _add_from_archive(header, film.header)
    return header


def _add_from_archive(header: Dataset, told: Dataset) -> None:
    header.SpecificCharacterSet = "ISO_IR 192"  # DICOM JSON came in it, whatever the film itself is written in
    for keyword in OF_PATIENT_AND_STUDY:
        if told.get(keyword):
            setattr(header, keyword, told[keyword].value)


def series_of(export: Export, film: ExportedFilm, kind: str) -> dict[str, Any]:
    """Return the arguments that name an object of ``kind`` made of a film; each film has a series of its own."""
    return {
        "series_instance_uid": export.uid(kind, "series", film.key),
        "series_number": 9001 if kind == "sr" else 9002,
        "sop_instance_uid": export.uid(kind, "instance", film.key),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "series_description": series_description(export),
    }
