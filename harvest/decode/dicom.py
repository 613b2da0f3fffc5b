"""A DICOM object to grey films, one frame at a time.

Order of checks: header, pixel data present, chest film, geometry and size, syntax, colour, depth, frames.
"""

from collections.abc import Iterator
from typing import Any

from harvest.config import DecodeConfig
from harvest.decode.dataset import DicomObject, read_object
from harvest.decode.frames import iter_frames
from harvest.decode.gate import check_frontal_chest
from harvest.decode.grey import read_grey_rules, to_grey
from harvest.decode.layout import PixelLayout, read_layout
from harvest.decode.orientation import read_orientation
from harvest.decode.tags import read_instance_header, read_pixel_aspect
from harvest.errors import Reason, RejectedError, Stage
from harvest.geometry import Placement
from harvest.records import DecodedImage, DecodeOutcome, InstanceHeader, Rejection


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
    header = read_instance_header(source.tags)
    frame = 1
    try:
        for image in _iter_images(source, header, config, seen_hw):
            yield DecodeOutcome(frame, header, image=image)
            frame += 1
    except RejectedError as error:
        yield DecodeOutcome(frame, header, rejection=Rejection(error.reason, error.stage, error.message))


def _iter_images(
    source: DicomObject, header: InstanceHeader, config: DecodeConfig, seen_hw: tuple[int, int] | None
) -> Iterator[DecodedImage]:
    _check_pixel_data(source)
    check_frontal_chest(source.tags, header, config.include)
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
