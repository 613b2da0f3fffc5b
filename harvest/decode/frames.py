"""From the pixel element to stored values, one frame at a time, never more than is really there (PS3.5 chapter 8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder

from harvest.config import DecodeConfig
from harvest.decode.codestream import read_frame_size
from harvest.decode.dataset import DicomObject, PixelElement
from harvest.decode.tags import Tags
from harvest.errors import Reason, RejectedError, Stage

StoredValues = npt.NDArray[np.uint8 | np.int8 | np.uint16 | np.int16]

NATIVE = {
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
}
PLUGINS = {
    uid.RLELossless: "pylibjpeg",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
"""The one decoder of each compressed syntax: a second try with another would give a broken frame a second chance."""

GREY_INTERPRETATIONS = {"MONOCHROME1", "MONOCHROME2"}


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """Size and type of the stored frames, checked.

    Attributes:
        decoder: pydicom's name of the decoder; ``native`` for uncompressed data.
    """

    rows: int
    columns: int
    frames: int
    photometric_interpretation: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    decoder: str


def read_layout(source: DicomObject, config: DecodeConfig) -> PixelLayout:
    """Check geometry, size, syntax, colour and depth, in this order, before anything is allocated.

    Raises:
        RejectedError: the first check that fails.
    """
    tags = source.tags
    rows, columns, frames = _read_geometry(tags, config)
    decoder = "native" if source.transfer_syntax in NATIVE else PLUGINS.get(source.transfer_syntax)
    if decoder is None:
        raise _rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX, "No decoder reads this transfer syntax.")
    interpretation = (tags.text("PhotometricInterpretation") or "").upper()
    if interpretation not in GREY_INTERPRETATIONS or (tags.integer("SamplesPerPixel") or 1) != 1:
        raise _rejected(Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION, "The image is not grey (MONOCHROME1 or 2).")
    allocated, stored, high_bit = _read_depth(tags)
    signed = tags.integer("PixelRepresentation") == 1
    return PixelLayout(rows, columns, frames, interpretation, allocated, stored, high_bit, signed, decoder)


def iter_frames(source: DicomObject, layout: PixelLayout) -> Iterator[StoredValues]:
    """Yield (rows, columns) stored values of each frame, decoded when asked for.

    Raises:
        RejectedError: a frame is missing or cannot be decoded; no frame follows.
    """
    assert source.pixels is not None
    if layout.decoder == "native":
        big_endian = source.transfer_syntax == uid.ExplicitVRBigEndian
        yield from _iter_native(source.pixels, big_endian, layout)
    else:
        yield from _iter_encapsulated(source.pixels, source.transfer_syntax, layout)


def _read_geometry(tags: Tags, config: DecodeConfig) -> tuple[int, int, int]:
    rows, columns = tags.integer("Rows") or 0, tags.integer("Columns") or 0
    frames = tags.integer("NumberOfFrames") or 1
    if rows < 1 or columns < 1 or frames < 1:
        raise _rejected(Reason.MISSING_GEOMETRY, "Rows or columns are missing or zero.")
    if min(rows, columns) < config.min_side:
        raise _rejected(Reason.IMAGE_TOO_SMALL, "Rows or columns are below decode.min_side.")
    if rows * columns > config.max_pixels or frames > config.max_frames:
        raise _rejected(Reason.IMAGE_TOO_LARGE, "More pixels than decode.max_pixels or frames than decode.max_frames.")
    return rows, columns, frames


def _read_depth(tags: Tags) -> tuple[int, int, int]:
    allocated = tags.integer("BitsAllocated") or 0
    stored = tags.integer("BitsStored") or allocated
    high_bit = tags.integer("HighBit")
    high_bit = stored - 1 if high_bit is None else high_bit
    if allocated not in {8, 16} or not 8 <= stored <= allocated or not stored - 1 <= high_bit < allocated:
        raise _rejected(Reason.UNSUPPORTED_BIT_DEPTH, "Only 8 to 16 stored bits in 8 or 16 allocated ones are read.")
    return allocated, stored, high_bit


def _iter_native(pixels: PixelElement, big_endian: bool, layout: PixelLayout) -> Iterator[StoredValues]:
    order = ">" if big_endian else "<"
    data, start = pixels.data, pixels.offset
    if big_endian and layout.bits_allocated == 8 and pixels.vr == "OW":  # bytes travel as swapped pairs
        data, start = np.frombuffer(data, ">u2", pixels.length // 2, start).astype("<u2").tobytes(), 0
    count = layout.rows * layout.columns
    size = count * layout.bits_allocated // 8
    for index in range(layout.frames):
        if pixels.encapsulated or (index + 1) * size > pixels.length:
            raise _rejected(Reason.DECODE_FAILED, "The pixel data ends before its last frame does.")
        words = np.frombuffer(data, f"{order}u{layout.bits_allocated // 8}", count, start + index * size)
        yield _stored_values(words.reshape(layout.rows, layout.columns), layout)


def _iter_encapsulated(pixels: PixelElement, syntax: uid.UID, layout: PixelLayout) -> Iterator[StoredValues]:
    stream = BytesIO(pixels.data)
    stream.seek(pixels.offset)
    index = -1
    try:
        for index, frame in enumerate(generate_frames(stream, number_of_frames=layout.frames)):
            if index == layout.frames:
                return
            yield _decode_frame(frame, syntax, layout)
    except (RejectedError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever a broken frame makes them meet
        raise _rejected(Reason.DECODE_FAILED, "The compressed frame cannot be decoded.") from error
    if index + 1 < layout.frames:
        raise _rejected(Reason.DECODE_FAILED, "The pixel data ends before its last frame does.")


def _decode_frame(frame: bytes, syntax: uid.UID, layout: PixelLayout) -> StoredValues:
    exact_words = syntax == uid.RLELossless
    if not exact_words:
        size = read_frame_size(frame)
        if size is None or (size.rows, size.columns, size.components) != (layout.rows, layout.columns, 1):
            raise _rejected(Reason.DECODE_FAILED, "The compressed frame has another size than the header says.")
    options: Any = {
        "decoding_plugin": layout.decoder,
        "correct_unused_bits": not exact_words,
        "pixel_keyword": "PixelData",
        "number_of_frames": 1,
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": 1,
        "photometric_interpretation": layout.photometric_interpretation,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "pixel_representation": int(layout.signed and not exact_words),
    }
    decoded, _ = get_decoder(syntax).as_array(encapsulate([frame]), index=0, raw=True, **options)
    return _stored_values(decoded, layout) if exact_words else decoded


def _stored_values(words: npt.NDArray[np.unsignedinteger[Any]], layout: PixelLayout) -> StoredValues:
    """Cut the stored bits out of allocated words, wherever the high bit lies, and extend the sign (PS3.5 8.1.1)."""
    values = words.astype(f"u{words.dtype.itemsize}")
    values <<= layout.bits_allocated - 1 - layout.high_bit
    if layout.signed:
        values = values.view(f"i{words.dtype.itemsize}")
    values >>= layout.bits_allocated - layout.bits_stored
    return values


def _rejected(reason: Reason, message: str) -> RejectedError:
    return RejectedError(reason, Stage.DECODE, message)
