"""Bytes of an object to grey films: PNG, JPEG and DICOM, told apart by their first bytes."""

from collections.abc import Iterator

from harvest.config import DecodeConfig
from harvest.decode.dataset import looks_like_dicom
from harvest.decode.dicom import iter_dicom
from harvest.decode.polarity import looks_inverted
from harvest.decode.quiet import quiet_libraries
from harvest.decode.raster import decode_raster, sniff_raster
from harvest.errors import Reason, RejectedError, Stage
from harvest.records import DecodedImage, DecodeOutcome, InstanceHeader, Rejection

__all__ = ["iter_decode"]


def iter_decode(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None = None) -> Iterator[DecodeOutcome]:
    """Yield what decoding makes of each frame, at least one outcome, frames ascending from 1.

    Frames are decoded when asked for. Nothing in ``data`` makes this raise: whatever is wrong is a rejection, which
    ends the object.

    Args:
        data: the whole object.
        config: limits and rules.
        seen_hw: height and width of what will look at the images; with ``config.reduced`` they may then come smaller
            than stored, but no smaller than this asks for.
    """
    outcomes = _iter_outcomes(data, config, seen_hw if config.reduced else None)
    while True:
        with quiet_libraries:
            outcome = next(outcomes, None)
        if outcome is None:
            return
        yield outcome


def _iter_outcomes(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None) -> Iterator[DecodeOutcome]:
    frame = 0
    try:
        for outcome in _iter_by_format(data, config, seen_hw):
            frame = outcome.frame
            if outcome.image is not None:
                _check_polarity(outcome.image)
            yield outcome
    except RejectedError as error:
        rejection = Rejection(error.reason, error.stage, error.message)
    except MemoryError:
        rejection = Rejection(Reason.IMAGE_TOO_LARGE, Stage.DECODE, "The object does not fit into memory.")
    else:
        return
    yield DecodeOutcome(frame + 1, InstanceHeader(), rejection=rejection)


def _check_polarity(image: DecodedImage) -> None:
    """Note it in the recipe where the pixels contradict the polarity that the film was given."""
    if looks_inverted(image):
        image.recipe["flags"].append("polarity_suspect")


def _iter_by_format(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None) -> Iterator[DecodeOutcome]:
    if looks_like_dicom(data):
        yield from iter_dicom(data, config, seen_hw)
    elif sniff_raster(data) is not None:
        yield DecodeOutcome(1, InstanceHeader(), image=decode_raster(data, config, seen_hw))
    else:
        message = "The object is neither DICOM nor PNG nor JPEG." if data else "The object is empty."
        raise RejectedError(Reason.UNKNOWN_FORMAT if data else Reason.EMPTY_FILE, Stage.HEADER, message)
