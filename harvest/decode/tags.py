"""Read header values defensively: a tag that cannot be used is None, whatever is wrong with it.

Only tags of ``ALLOWED`` are read from a file at all.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from harvest.ages import OLDEST, parse_age
from harvest.records import InstanceHeader

IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID", "StudyDate")
DEMOGRAPHY = ("PatientSex", "PatientAge", "PatientBirthDate")
EQUIPMENT = ("Modality", "Manufacturer", "ManufacturerModelName", "PresentationIntentType")
PROJECTION = ("BodyPartExamined", "AnatomicRegionSequence", "ViewPosition", "ViewCodeSequence", "PatientOrientation")
DESCRIPTIONS = ("StudyDescription", "SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
GEOMETRY = ("PixelSpacing", "ImagerPixelSpacing", "PixelSpacingCalibrationType", "PixelAspectRatio")
PIXELS = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit",
)  # fmt: skip
GREY = (
    "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "PresentationLUTShape",
)  # fmt: skip
MARGINS = (
    "CollimatorShape", "CollimatorLeftVerticalEdge", "CollimatorRightVerticalEdge", "CollimatorUpperHorizontalEdge",
    "CollimatorLowerHorizontalEdge",
)  # fmt: skip
CHARACTER_SETS = "SpecificCharacterSet"
ALLOWED = (
    CHARACTER_SETS, *IDENTITY, *DEMOGRAPHY, *EQUIPMENT, *PROJECTION, *DESCRIPTIONS, *GEOMETRY, *PIXELS, *GREY, *MARGINS,
)  # fmt: skip

MODALITY_OF_CLASS = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "DX",
}
"""By SOP class: what the modality is where the tag is missing."""

LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True)
class Tags:
    """A dataset whose values are read one by one, each of them possibly broken."""

    dataset: Dataset

    def value(self, keyword: str) -> object:
        """Return the converted value, None when missing, empty or not convertible."""
        try:
            return self.dataset[keyword].value if keyword in self.dataset else None
        except Exception:  # a broken value raises whatever its converter meets
            return None

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return all values as stripped text of bounded length, empty ones included."""
        value = self.value(keyword)
        values: Iterable[object] = value if isinstance(value, MultiValue | list | tuple) else (value,)
        return tuple(_clean(one) for one in values)

    def text(self, keyword: str) -> str | None:
        """Return the first value that is not empty."""
        return next((one for one in self.texts(keyword) if one), None)

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return all values as finite numbers; () when any is not one."""
        try:
            numbers = tuple(float(one) for one in self.texts(keyword))
        except ValueError:
            return ()
        return numbers if all(map(math.isfinite, numbers)) else ()

    def number(self, keyword: str) -> float | None:
        """Return the first value as a finite number."""
        try:
            number = float(self.texts(keyword)[0])
        except (ValueError, IndexError):
            return None
        return number if math.isfinite(number) else None

    def integer(self, keyword: str) -> int | None:
        """Return the first value as a whole number."""
        number = self.number(keyword)
        return None if number is None else int(number)

    def items(self, keyword: str) -> list["Tags"]:
        """Return the items of a sequence."""
        value = self.value(keyword)
        return [Tags(item) for item in value] if isinstance(value, Sequence) else []


def read_instance_header(tags: Tags) -> InstanceHeader:
    """Return what is kept of a header; never raises."""
    spacing, source = read_spacing(tags)
    sex = (tags.text("PatientSex") or "")[:1].upper()
    return InstanceHeader(
        sop_instance_uid=tags.text("SOPInstanceUID"),
        study_instance_uid=tags.text("StudyInstanceUID"),
        series_instance_uid=tags.text("SeriesInstanceUID"),
        patient_id=tags.text("PatientID"),
        study_date=_date(tags.text("StudyDate")),
        modality=_upper(tags.text("Modality")) or MODALITY_OF_CLASS.get(tags.text("SOPClassUID") or ""),
        body_part_examined=_upper(tags.text("BodyPartExamined")),
        view_position=_upper(tags.text("ViewPosition")),
        sex=sex if sex in {"M", "F", "O"} else None,
        age_years=_age(tags),
        manufacturer=tags.text("Manufacturer"),
        manufacturer_model_name=tags.text("ManufacturerModelName"),
        pixel_spacing=spacing,
        spacing_source=source,
    )


def read_spacing(tags: Tags) -> tuple[tuple[float, float] | None, str | None]:
    """Return (between rows, between columns) in mm and where it comes from; zero or absurd spacings are None."""
    for keyword, source in (("PixelSpacing", "pixel_spacing"), ("ImagerPixelSpacing", "imager_pixel_spacing")):
        values = tags.numbers(keyword)
        if len(values) == 2 and all(1e-3 <= one <= 10 for one in values):
            return (values[0], values[1]), source
    return None, None


def read_pixel_aspect(tags: Tags) -> float:
    """Return height of a pixel divided by its width, 1 when nothing usable is said (PS3.3 C.7.6.3.1.7)."""
    ratio = tags.numbers("PixelAspectRatio")
    spacing = read_spacing(tags)[0]
    height, width = ratio if len(ratio) == 2 else spacing or (1.0, 1.0)
    aspect = height / width if height > 0 and width > 0 else 1.0
    return aspect if 0.1 <= aspect <= 10 else 1.0


def _age(tags: Tags) -> float | None:
    stated = parse_age(tags.text("PatientAge") or "")
    if stated is not None:
        return stated
    born, seen = _date(tags.text("PatientBirthDate")), _date(tags.text("StudyDate"))
    if born is None or seen is None or not 0 <= int(seen) - int(born) <= OLDEST * 10_000:
        return None
    return float((int(seen) - int(born)) // 10_000)


def _date(text: str | None) -> str | None:
    """Return YYYYMMDD, also from the ACR-NEMA form with dots or the ISO form."""
    digits = re.sub(r"[.\-]", "", text or "")
    if not re.fullmatch(r"(18|19|20)\d{6}", digits, re.ASCII):
        return None
    return digits if 1 <= int(digits[4:6]) <= 12 and 1 <= int(digits[6:]) <= 31 else None


def _upper(text: str | None) -> str | None:
    return text.upper() if text else None


def _clean(value: object) -> str:
    return "" if value is None or isinstance(value, bytes) else str(value).strip(" \0\t\r\n")[:LONGEST_TEXT]
