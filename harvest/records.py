"""Records that travel between the stages, and the Arrow schema of every table: the one place for column names.

Units and meaning of each column stand in ``sql/schema`` (column comments); the names here and there are the same
(tested). Coordinates are pixels of the stored image, x to the right, y down, half-open: a mask of the single pixel
(0, 0) is the box (0, 0, 1, 1).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harvest.errors import Reason, Stage

UInt8Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class ArchiveObject:
    """One object (file) of an archive, as its source lists it.

    Attributes:
        path: POSIX path relative to the archive's root.
        size: bytes; ``harvest.sources.UNKNOWN_SIZE`` where the source does not say.
        mtime_ns: time of last change, nanoseconds since the epoch (``harvest.sources.source.stamp``).
        labels: findings that the label table asserts, joined by ``|``; "" for none; None where the table has no row.
        described: what the label table says of patient and view, for formats without a header of their own.
    """

    path: str
    size: int
    mtime_ns: int
    labels: str | None = None
    described: "InstanceHeader | None" = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """The allow-listed tags of a DICOM object, as read: private until pseudonymised (``harvest.identity``)."""

    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    patient_id: str | None = None
    study_date: str | None = None
    """YYYYMMDD"""
    modality: str | None = None
    body_part_examined: str | None = None
    view_position: str | None = None
    sex: str | None = None
    """M, F or O"""
    age_years: float | None = None
    manufacturer: str | None = None
    manufacturer_model_name: str | None = None
    pixel_spacing: tuple[float, float] | None = None
    """(between rows, between columns), mm"""
    spacing_source: str | None = None
    """pixel_spacing (calibrated or at the patient) or imager_pixel_spacing (at the detector)"""
    oddities: tuple[str, ...] = ()
    """What is unusual about the file, of ``harvest.decode.oddities``; holds no value of it."""


@dataclass(frozen=True, slots=True)
class ChestVerdicts:
    """Is it a frontal chest film? Each is None where nobody could tell.

    Attributes:
        header: ``chest``, or the reason code of what speaks against it, also where that is overruled.
        pixels: ``chest``; ``turned``, a chest that does not stand upright; ``other``.
        probability: of ``pixels``: that it is a frontal chest film, in [0, 1].
    """

    header: str | None = None
    pixels: str | None = None
    probability: float | None = None


NO_VERDICTS = ChestVerdicts()


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """One grey film, ready for the geometry.

    Attributes:
        pixels: (rows, columns) uint8, in the stored pixel grid or a smaller one over it; 0 is black, bright is dense
            (MONOCHROME2 sense), after rescale, VOI and the one inversion.
        orientation: how the stored grid must be turned for the network, one of ``harvest.geometry.ORIENTATIONS``.
        pixel_aspect: height of a pixel divided by its width.
        recipe: how the pixels came about (printable values only: transfer syntax, VOI, inversion ...).
        stored_hw: rows and columns of the stored grid, where ``pixels`` are a smaller picture of it.
        covered: x_min, y_min, x_max, y_max in ``pixels`` that such a stored grid covers.
    """

    pixels: UInt8Image
    orientation: str = "identity"
    pixel_aspect: float = 1.0
    recipe: dict[str, Any] = field(default_factory=dict)
    stored_hw: tuple[int, int] | None = None
    covered: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an instance has no prediction."""

    reason: Reason
    stage: Stage
    message: str


@dataclass(frozen=True, slots=True)
class DecodeOutcome:
    """What decoding made of one frame: an image or a rejection, never both, never neither.

    ``frame`` counts from 1 (DICOM's frame number); an object rejected whole is frame 1.
    """

    frame: int
    header: InstanceHeader
    image: DecodedImage | None = None
    rejection: Rejection | None = None
    verdicts: ChestVerdicts = NO_VERDICTS

    def __post_init__(self) -> None:
        if (self.image is None) == (self.rejection is None):
            raise ValueError("an outcome is an image or a rejection")


def _nullable(kind: pa.DataType, *names: str) -> list[pa.Field]:
    return [pa.field(name, kind) for name in names]


def _required(kind: pa.DataType, *names: str) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=False) for name in names]


_KEYS = _required(pa.string(), "run_id", "instance_key", "model_digest", "config_fingerprint")

INSTANCES = pa.schema(
    [
        *_KEYS,
        pa.field("object_key", pa.string(), nullable=False),
        pa.field("source_uri", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        *_nullable(pa.string(), "reason_code", "stage", "header_verdict", "pixel_verdict"),
        *_nullable(pa.float64(), "pixel_probability"),
        *_nullable(pa.int32(), "rows", "columns"),
        *_nullable(pa.float64(), "pixel_spacing_row_mm", "pixel_spacing_column_mm"),
        *_nullable(pa.string(), "spacing_source", "decode_recipe"),
        *_nullable(pa.list_(pa.string()), "flags"),
        *_nullable(pa.string(), "pixel_key", "patient_key", "study_key", "series_key", "sop_key"),
        *_nullable(pa.string(), "modality", "view_position", "sex"),
        *_nullable(pa.float64(), "age_years"),
        *_nullable(pa.string(), "manufacturer", "manufacturer_model_name"),
        *_nullable(pa.int32(), "study_year", "study_month", "days_since_first_study"),
        pa.field("vanished", pa.bool_(), nullable=False),
    ]
)

PREDICTIONS = pa.schema(
    [
        *_KEYS,
        pa.field("finding", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("gate", pa.float64(), nullable=False),
        pa.field("labeled", pa.bool_()),
        pa.field("gated", pa.bool_(), nullable=False),
        pa.field("n_boxes", pa.int32(), nullable=False),
        pa.field("iteration_peaks", pa.list_(pa.float32()), nullable=False),
    ]
)

ATTENTION = pa.schema(
    [
        *_KEYS,
        pa.field("finding", pa.string(), nullable=False),
        pa.field("iterations", pa.int32(), nullable=False),
        pa.field("map_rows", pa.int32(), nullable=False),
        pa.field("map_columns", pa.int32(), nullable=False),
        pa.field("maps", pa.binary(), nullable=False),
        pa.field("scale", pa.list_(pa.float32()), nullable=False),
        pa.field("offset", pa.list_(pa.float32()), nullable=False),
        pa.field("keep", pa.binary(), nullable=False),
        pa.field("asymmetry", pa.binary()),
        pa.field("orientation", pa.string(), nullable=False),
        pa.field("pixel_aspect", pa.float64(), nullable=False),
    ]
)

BOXES = pa.schema(
    [
        *_KEYS,
        pa.field("source_uri", pa.string(), nullable=False),
        pa.field("finding", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        *_required(pa.float64(), "mean_attention", "probability", "x_min", "y_min", "x_max", "y_max"),
        *_nullable(pa.float64(), "width_mm", "height_mm"),
        pa.field("threshold", pa.float64(), nullable=False),
    ]
)

REJECTIONS = pa.schema(
    [
        *_KEYS,
        pa.field("source_uri", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        *_required(pa.string(), "reason_code", "stage", "message"),
    ]
)

CROSSWALK = pa.schema(
    [
        *_KEYS,
        *_required(pa.string(), "archive", "path"),
        *_required(pa.int64(), "size", "mtime_ns"),
        pa.field("labels", pa.string()),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("object_key", pa.string(), nullable=False),
        *_nullable(pa.string(), "patient_id", "sop_instance_uid", "study_instance_uid", "series_instance_uid"),
        *_nullable(pa.string(), "study_date"),
    ]
)
"""Private: which file and which patient a row came from. It is also the ledger that a later run compares with."""

PUBLIC_TABLES: dict[str, pa.Schema] = {
    "instances": INSTANCES,
    "predictions": PREDICTIONS,
    "attention": ATTENTION,
    "boxes": BOXES,
    "rejections": REJECTIONS,
}
"""Each is a folder of part files in the lake."""

LOADED_TABLES = ("instances", "predictions", "boxes", "rejections")
"""Those that ``harvest.duckdb`` holds; the maps stay in Parquet."""

SORT_KEYS: dict[str, tuple[str, ...]] = {
    "instances": ("instance_key",),
    "predictions": ("instance_key", "finding"),
    "attention": ("instance_key", "finding"),
    "boxes": ("instance_key", "finding", "rank"),
    "rejections": ("instance_key",),
    "crosswalk": ("path", "frame"),
}
"""Order of the rows in every part file."""
