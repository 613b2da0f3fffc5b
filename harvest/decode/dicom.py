"""A DICOM object to grey films, one frame at a time.

Order of checks: header, pixel data present, chest film, geometry and size, syntax, colour, depth, frames.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harvest.config import DecodeConfig
from harvest.decode.dataset import DicomObject, read_object
from harvest.decode.frames import iter_frames
from harvest.decode.gate import find_objections, require_chest
from harvest.decode.grey import read_grey_rules, to_grey
from harvest.decode.layout import PixelLayout, read_layout
from harvest.decode.orientation import read_orientation
from harvest.decode.pixel_gate import CHEST
from harvest.decode.tags import read_instance_header, read_pixel_aspect
from harvest.errors import Reason, RejectedError, Stage
from harvest.geometry import Placement
from harvest.records import ChestVerdicts, DecodedImage, DecodeOutcome, Rejection


def iter_dicom(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None = None) -> Iterator[DecodeOutcome]:
    """Yield one outcome per frame; an object that is rejected whole, or a frame that ends it, is a rejection.

    Args:
        data: the file.
        config: limits and rules.
        seen_hw: height and width of what will look at the images; they may come smaller than stored, not than this.

    Raises:
        RejectedError: the header itself cannot be read.
    """
    source = read_object(data, config.max_bytes)
    header = replace(read_instance_header(source.tags), oddities=source.oddities)
    objections = find_objections(source.tags, header)
    verdicts = ChestVerdicts(header=str(next(iter(objections), CHEST)))
    frame = 1
    try:
        _check_pixel_data(source)
        require_chest(objections, config.include)
        for image in _iter_images(source, config, seen_hw):
            yield DecodeOutcome(frame, header, image=image, verdicts=verdicts)
            frame += 1
    except RejectedError as error:
        rejection = Rejection(error.reason, error.stage, error.message)
        yield DecodeOutcome(frame, header, rejection=rejection, verdicts=verdicts)


def _iter_images(source: DicomObject, config: DecodeConfig, seen_hw: tuple[int, int] | None) -> Iterator[DecodedImage]:
    layout = read_layout(source, config)
    rules = read_grey_rules(source, layout)
    orientation, aspect = read_orientation(source.tags), read_pixel_aspect(source.tags)
    factor = 1
    if seen_hw and rules.padding is None:  # a mean with padding would be neither image nor padding
        factor = Placement(layout.rows, layout.columns, seen_hw, orientation, aspect).spare_factor
    for frame in iter_frames(source, layout, factor):
        pixels, grey_recipe = to_grey(frame.values, rules.reduced(frame.factor))
        recipe = _source_recipe(source, layout)
        recipe |= {"reduction": frame.factor, "inverted": rules.inverted} | grey_recipe
        whole = (layout.rows, layout.columns) if frame.covered else None
        yield DecodedImage(pixels, orientation, aspect, recipe, whole, frame.covered)


def _check_pixel_data(source: DicomObject) -> None:
    if source.pixels is None:
        raise RejectedError(Reason.NO_PIXEL_DATA, Stage.HEADER, "The object holds no pixel data.")
    if source.pixels.keyword != "PixelData":
        raise RejectedError(Reason.UNSUPPORTED_BIT_DEPTH, Stage.HEADER, "Floating point pixel data is not read.")


def _source_recipe(source: DicomObject, layout: PixelLayout) -> dict[str, Any]:
    return {
        "format": "dicom",
        "transfer_syntax": str(layout.syntax),
        "transfer_syntax_guessed": source.guessed or layout.syntax != source.transfer_syntax,
        "decoder": layout.decoder,
        "photometric_interpretation": layout.photometric_interpretation,
        "bits_stored": layout.bits_stored,
        "spacing_calibration": source.tags.text("PixelSpacingCalibrationType"),
    }
