"""PNG and JPEG files to grey films, through Pillow."""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from harvest.config import DecodeConfig
from harvest.decode.grey import GreyRules, to_grey
from harvest.decode.reduced import covered_by, decode_scaled_jpeg
from harvest.errors import Reason, RejectedError, Stage
from harvest.geometry import ORIENTATIONS, Placement
from harvest.records import DecodedImage, UInt8Image

MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
EXIF_ORIENTATION = 0x0112
GREY_MODES = {"L", "LA", "La"}
DEEP_MODES = {"I;16", "I;16B", "I;16L", "I"}
COLOUR_MODES = {"RGB", "RGBA", "RGBX", "P", "PA"}
COLOUR_TOLERANCE = 16
"""Levels between channels: JPEG rounds colour, so grey stored as colour is nearly, not quite, equal."""
COLOURED_SHARE = 0.001
"""Of all pixels; more of them make an image coloured."""


def sniff_raster(data: bytes) -> str | None:
    """Return PNG or JPEG by the first bytes; None for anything else."""
    return next((name for magic, name in MAGIC.items() if data.startswith(magic)), None)


def decode_raster(data: bytes, config: DecodeConfig, seen_hw: tuple[int, int] | None = None) -> DecodedImage:
    """Decode a PNG or JPEG file; alpha is ignored, size is checked before anything is decoded.

    Args:
        data: the file.
        config: limits.
        seen_hw: height and width of what will look at the image; a JPEG may come smaller than stored, not than this.

    Raises:
        RejectedError: broken, too large or small, coloured, or constant.
    """
    image = _open(data)
    _check_size(image, config)
    mode, (columns, rows), orientation = image.mode, image.size, _read_orientation(image)
    factor = Placement(rows, columns, seen_hw, orientation).spare_factor if seen_hw and image.format == "JPEG" else 1
    image, factor = decode_scaled_jpeg(image, factor) if factor > 1 else (image, 1)
    pixels, grey_recipe = _to_grey(_load(image))
    recipe = {"format": (image.format or "").lower(), "mode": mode, "reduction": factor, "inverted": False}
    recipe |= grey_recipe
    if factor == 1:
        return DecodedImage(pixels, orientation, recipe=recipe)
    return DecodedImage(pixels, orientation, 1.0, recipe, (rows, columns), covered_by(rows, columns, factor))


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise _rejected(Reason.IMAGE_TOO_LARGE, "The image has more pixels than can be decoded safely.") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them meet
        raise RejectedError(Reason.BROKEN_HEADER, Stage.HEADER, "The image's header cannot be parsed.") from error


def _check_size(image: Image.Image, config: DecodeConfig) -> None:
    if min(image.size) < config.min_side:
        raise _rejected(Reason.IMAGE_TOO_SMALL, "Rows or columns are below decode.min_side.")
    if image.width * image.height > config.max_pixels:
        raise _rejected(Reason.IMAGE_TOO_LARGE, "The image has more pixels than decode.max_pixels.")


def _load(image: Image.Image) -> Image.Image:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise _rejected(Reason.DECODE_FAILED, "The image data is broken or ends too early.") from error
    return image


def _to_grey(image: Image.Image) -> tuple[UInt8Image, dict[str, Any]]:
    if image.mode in DEEP_MODES:
        return _from_deep(np.asarray(image))
    if image.mode in GREY_MODES:
        pixels = np.asarray(image.convert("L"))
    elif image.mode in COLOUR_MODES:
        pixels = _from_colour(image.convert("RGB"))
    elif image.mode == "1":
        raise _rejected(Reason.UNSUPPORTED_BIT_DEPTH, "Images of 1 bit are not read.")
    else:
        raise _rejected(Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION, "The image is neither grey nor RGB.")
    if pixels.min() == pixels.max():
        raise _rejected(Reason.CONSTANT_IMAGE, "All pixels of the image are equal.")
    return pixels, {"voi": "none", "flags": []}


def _from_deep(pixels: npt.NDArray[Any]) -> tuple[UInt8Image, dict[str, Any]]:
    """16 bits, of which a film rarely uses all: windowed by percentiles, as DICOM without a window."""
    if pixels.min() < 0 or pixels.max() > 0xFFFF:
        raise _rejected(Reason.UNSUPPORTED_BIT_DEPTH, "Images of more than 16 bits are not read.")
    return to_grey(pixels.astype(np.uint16), GreyRules())


def _from_colour(image: Image.Image) -> UInt8Image:
    channels = np.asarray(image)
    spread = channels.max(axis=2) - channels.min(axis=2)
    if np.count_nonzero(spread > COLOUR_TOLERANCE) > COLOURED_SHARE * spread.size:
        raise _rejected(Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION, "The image is in colour.")
    return np.asarray(image.convert("L"))


def _read_orientation(image: Image.Image) -> str:
    try:
        value = int(image.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # broken EXIF is no reason to lose a film
        return "identity"
    return ORIENTATIONS[value - 1] if 1 <= value <= len(ORIENTATIONS) else "identity"


def _rejected(reason: Reason, message: str) -> RejectedError:
    return RejectedError(reason, Stage.DECODE, message)
