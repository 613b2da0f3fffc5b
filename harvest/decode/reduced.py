"""Decode no more pixels than are looked at: JPEG 2000 and HTJ2K at a lower resolution level, JPEG by a scaled DCT.

Where a reduced pixel lies in the stored grid follows from the transform. A low-pass value of the wavelets is centred
on the stored pixel of even index (T.800 F.3); a scaled DCT gives the mean of a block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import uid

from harvest.decode.codestream import FrameSize, read_frame_size
from harvest.decode.layout import PixelLayout

StoredValues = npt.NDArray[np.uint8 | np.int8 | np.uint16 | np.int16]
Covered = tuple[float, float, float, float]
LARGEST_DCT_FACTOR = 8
WAVELETS = {uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K}
DCTS = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit}


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """Stored values of a frame, or of a smaller picture of it.

    Attributes:
        values: (rows, columns) of the stored grid divided by ``factor``, rounded up.
        factor: stored pixels per pixel of ``values``, along either side.
        covered: x_min, y_min, x_max, y_max in pixels of ``values``: what of it the stored grid covers; None: all.
    """

    values: StoredValues
    factor: int = 1
    covered: Covered | None = None


def decode_reduced(frame: bytes, layout: PixelLayout, factor: int) -> StoredFrame | None:
    """Decode a frame at most ``factor`` times smaller; None where it has to be decoded whole.

    Args:
        frame: whose size is that of ``layout``.
        layout: of the object.
        factor: a power of two; halving ends earlier where the frame holds fewer levels.
    """
    size = read_frame_size(frame) if factor > 1 else None
    decode = _decoder_of(layout)
    if decode is None or size is None or (size.precision, size.signed) != (layout.bits_stored, layout.signed):
        return None
    try:
        return decode(frame, size, factor)
    except MemoryError:
        raise
    except Exception:  # decoded whole it may still be readable, or will fail for good
        return None


def decode_scaled_jpeg(image: Image.Image, factor: int) -> tuple[Image.Image, int]:
    """Let an opened JPEG image be decoded ``factor`` times smaller; return it and the factor."""
    width, height = image.size
    factor = min(factor, LARGEST_DCT_FACTOR)
    image.draft(image.mode, (max(width // factor, 1), max(height // factor, 1)))
    return image, factor if image.size == (-(-width // factor), -(-height // factor)) else 1


def covered_by(rows: int, columns: int, factor: int) -> Covered:
    """Return what of block means the stored grid covers: a last block may reach beyond it."""
    return 0.0, 0.0, columns / factor, rows / factor


def _decoder_of(layout: PixelLayout) -> Callable[[bytes, FrameSize, int], StoredFrame | None] | None:
    if layout.syntax in WAVELETS:
        return _reduced_wavelets
    return _reduced_dct if layout.syntax in DCTS and layout.decoder == "pillow" else None


def _reduced_wavelets(frame: bytes, size: FrameSize, factor: int) -> StoredFrame | None:
    levels = min(factor.bit_length() - 1, size.levels)
    image = Image.open(BytesIO(frame), formats=("JPEG2000",))
    if levels == 0 or image.mode not in {"L", "I;16"}:
        return None
    factor = 2**levels
    image.reduce = levels  # type: ignore[assignment]  # the plugin's own attribute
    # Pillow 13 rounds the reduced size down where the decoder rounds up, and then fails; a whole multiple avoids it.
    image._size = (-(-size.columns // factor) * factor, -(-size.rows // factor) * factor)
    image.load()
    return _placed(_unscaled(np.asarray(image), size), size, factor)


def _placed(values: StoredValues, size: FrameSize, factor: int) -> StoredFrame:
    """Say what of low-pass values the stored grid covers."""
    # One more row and column: the stored grid reaches beyond the centre of the last value by up to half a pixel.
    padded = np.pad(values, ((0, 1), (0, 1)), mode="edge")
    start = 0.5 - 0.5 / factor
    return StoredFrame(padded, factor, (start, start, start + size.columns / factor, start + size.rows / factor))


def _unscaled(shown: npt.NDArray[np.uint8 | np.uint16], size: FrameSize) -> StoredValues:
    """Undo what Pillow does to values: it shifts them to the highest bits, signed ones by half of their range first."""
    values = shown >> (8 * shown.dtype.itemsize - size.precision)
    if not size.signed:
        return values
    signed: StoredValues = (values.astype(np.int32) - 2 ** (size.precision - 1)).astype(f"i{shown.dtype.itemsize}")
    return signed


def _reduced_dct(frame: bytes, size: FrameSize, factor: int) -> StoredFrame | None:
    image, factor = decode_scaled_jpeg(Image.open(BytesIO(frame), formats=("JPEG",)), factor)
    if factor == 1 or image.mode != "L":
        return None
    image.load()
    return StoredFrame(np.asarray(image), factor, covered_by(size.rows, size.columns, factor))
