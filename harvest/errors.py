"""Errors of the harvest, and the closed list of reasons for which an object is rejected."""

from enum import StrEnum

from models.errors import BundleError, IamHarvestError, PickleRefusedError, SettingsError, UnknownFindingError

__all__ = [
    "ArchiveError",
    "BundleError",
    "DecoderStartError",
    "IamHarvestError",
    "IntegrityError",
    "LakeError",
    "LakeLockedError",
    "NewerLakeError",
    "PickleRefusedError",
    "QuestionError",
    "Reason",
    "ReceiverError",
    "RejectedError",
    "RejectionRateError",
    "SettingsError",
    "Stage",
    "TableError",
    "UnknownFindingError",
    "WorkerError",
]


class ArchiveError(IamHarvestError):
    """The archive is missing, empty or cannot be listed."""

    code = "archive"


class DecoderStartError(IamHarvestError):
    """No decoder process can be started."""

    code = "decoder_start"


class LakeError(IamHarvestError):
    """The lake is missing, not a lake, or cannot be written."""

    code = "lake"


class LakeLockedError(LakeError):
    """Another process writes to this lake."""

    code = "lake_locked"


class NewerLakeError(LakeError):
    """The lake was written by a newer version."""

    code = "lake_newer"


class IntegrityError(LakeError):
    """A check found rows that cannot be (an invariant in ``sql/checks`` is broken)."""

    code = "integrity"


class ReceiverError(IamHarvestError):
    """Films cannot be received: the inbox or the port cannot be used."""

    code = "receiver"


class TableError(IamHarvestError):
    """A label or box table cannot be read or does not fit the images."""

    code = "table"


class QuestionError(IamHarvestError):
    """A question, parameter or query is unknown or refused."""

    code = "question"


class RejectionRateError(IamHarvestError):
    """More objects were rejected than the user allows; nothing new was published."""

    code = "rejection_rate"


class WorkerError(IamHarvestError):
    """The workers of a cluster are missing, or would not give this run's rows."""

    code = "worker"


class Stage(StrEnum):
    """Where in the pipeline an object was rejected."""

    READ = "read"
    HEADER = "header"
    GATE = "gate"
    DECODE = "decode"
    PREDICT = "predict"
    SETTLE = "settle"


class Reason(StrEnum):
    """Why an object was rejected: a closed list; each value is documented in ``docs/rejections.md``."""

    EMPTY_FILE = "empty_file"
    UNREADABLE_FILE = "unreadable_file"
    FILE_TOO_LARGE = "file_too_large"
    FILE_CHANGED = "file_changed"
    UNKNOWN_FORMAT = "unknown_format"
    BROKEN_HEADER = "broken_header"
    HEADER_TOO_DEEP = "header_too_deep"
    NO_PIXEL_DATA = "no_pixel_data"
    MISSING_GEOMETRY = "missing_geometry"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_TOO_SMALL = "image_too_small"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported_transfer_syntax"
    UNSUPPORTED_PHOTOMETRIC_INTERPRETATION = "unsupported_photometric_interpretation"
    UNSUPPORTED_BIT_DEPTH = "unsupported_bit_depth"
    DECODE_FAILED = "decode_failed"
    DECODER_CRASHED = "decoder_crashed"
    DECODER_TIMEOUT = "decoder_timeout"
    CONSTANT_IMAGE = "constant_image"
    WRONG_MODALITY = "wrong_modality"
    WRONG_BODY_PART = "wrong_body_part"
    WRONG_VIEW = "wrong_view"
    NOT_A_CHEST_FILM = "not_a_chest_film"
    NOT_CHEST_BY_PIXELS = "not_chest_by_pixels"
    NETWORK_FAILED = "network_failed"
    DUPLICATE_INSTANCE = "duplicate_instance"
    FORGOTTEN = "forgotten"


class RejectedError(Exception):
    """One object cannot be harvested; the run goes on and records it.

    Attributes:
        reason: a member of :class:`Reason`.
        stage: a member of :class:`Stage`.
        message: one sentence, free of any value of the header, path or pixel (it enters the tables).
    """

    def __init__(self, reason: Reason, stage: Stage, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.stage = stage
        self.message = message
