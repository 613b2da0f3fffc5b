"""Bytes of an object to grey films: PNG, JPEG and DICOM, told apart by their first bytes."""

from collections.abc import Iterator
from dataclasses import replace

from harvest.config import DecodeConfig
from harvest.decode.dataset import looks_like_dicom
from harvest.decode.dicom import iter_dicom
from harvest.decode.pixel_gate import OTHER, TURNED, shipped_gate
from harvest.decode.polarity import looks_inverted
from harvest.decode.quiet import quiet_libraries
from harvest.decode.raster import decode_raster, sniff_raster
from harvest.decode.thumbnail import make_thumbnail
from harvest.errors import Reason, RejectedError, Stage
from harvest.records import DecodedImage, DecodeOutcome, InstanceHeader, Rejection

__all__ = ["iter_decode"]

NO_CHEST = (
    f"The pixels do not show a frontal chest film. To harvest such objects run with --include "
    f"{Reason.NOT_CHEST_BY_PIXELS}."
)


def iter_decode(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None = None) -> Iterator[DecodeOutcome]:
    """Yield what decoding makes of each frame, at least one outcome, frames ascending from 1.

    Frames are decoded when asked for. Nothing in ``data`` makes this raise: whatever is wrong is a rejection, which
    ends the object, unless it is of a frame that shows no chest.

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
            yield outcome if outcome.image is None else _look_at(outcome, outcome.image, config)
    except RejectedError as error:
        rejection = Rejection(error.reason, error.stage, error.message)
    except MemoryError:
        rejection = Rejection(Reason.IMAGE_TOO_LARGE, Stage.DECODE, "The object does not fit into memory.")
    else:
        return
    yield DecodeOutcome(frame + 1, InstanceHeader(), rejection=rejection)


def _look_at(outcome: DecodeOutcome, image: DecodedImage, config: DecodeConfig) -> DecodeOutcome:
    """Add what the pixels say: no chest, a turned one, or the other polarity than the film was given."""
    thumbnail = make_thumbnail(image)
    said = shipped_gate().judge(thumbnail)
    verdicts = replace(outcome.verdicts, pixels=said.verdict, probability=said.probability)
    if said.verdict == OTHER and Reason.NOT_CHEST_BY_PIXELS not in config.include:
        rejection = Rejection(Reason.NOT_CHEST_BY_PIXELS, Stage.GATE, NO_CHEST)
        return replace(outcome, image=None, rejection=rejection, verdicts=verdicts)
    if said.verdict == TURNED:
        image.recipe["flags"].append("orientation_suspect")
    if looks_inverted(thumbnail):
        image.recipe["flags"].append("polarity_suspect")
    return replace(outcome, verdicts=verdicts)


def _iter_by_format(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None) -> Iterator[DecodeOutcome]:
    if looks_like_dicom(data):
        yield from iter_dicom(data, config, seen_hw)
    elif sniff_raster(data) is not None:
        yield DecodeOutcome(1, InstanceHeader(), image=decode_raster(data, config, seen_hw))
    else:
        message = "The object is neither DICOM nor PNG nor JPEG." if data else "The object is empty."
        raise RejectedError(Reason.UNKNOWN_FORMAT if data else Reason.EMPTY_FILE, Stage.HEADER, message)
