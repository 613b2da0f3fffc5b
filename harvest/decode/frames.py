"""From the pixel element to stored values, one frame at a time, never more than is really there (PS3.5 chapter 8)."""

from collections.abc import Iterator
from contextlib import nullcontext
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder

from harvest.decode.codestream import read_frame_size
from harvest.decode.dataset import DicomObject, PixelElement
from harvest.decode.layout import PixelLayout
from harvest.decode.quiet import silent_stderr
from harvest.decode.reduced import StoredFrame, StoredValues, decode_reduced
from harvest.errors import Reason, RejectedError, Stage

RLE_RATIO = 64
"""Two bytes of a run stand for at most 128 (PS3.5 G.3.1)."""


def iter_frames(source: DicomObject, layout: PixelLayout, factor: int = 1) -> Iterator[StoredFrame]:
    """Yield the stored values of each frame, decoded when asked for.

    Args:
        source: the object.
        layout: of its frames.
        factor: a power of two; where the decoder can, only every so many-th row and column is decoded.

    Raises:
        RejectedError: a frame is missing or cannot be decoded; no frame follows.
    """
    assert source.pixels is not None
    if layout.decoder == "native":
        yield from _iter_native(source.pixels, layout)
    else:
        yield from _iter_encapsulated(source.pixels, layout, factor)


def _iter_native(pixels: PixelElement, layout: PixelLayout) -> Iterator[StoredFrame]:
    big_endian = layout.syntax == uid.ExplicitVRBigEndian
    order = ">" if big_endian else "<"
    data, start = pixels.data, pixels.offset
    if big_endian and layout.bits_allocated == 8 and pixels.vr == "OW":  # bytes travel as swapped pairs
        data, start = np.frombuffer(data, ">u2", pixels.length // 2, start).astype("<u2").tobytes(), 0
    count = layout.rows * layout.columns
    size = count * layout.bits_allocated // 8
    for index in range(layout.frames):
        if pixels.encapsulated or (index + 1) * size > pixels.length:
            raise _failed("The pixel data ends before its last frame does.")
        words = np.frombuffer(data, f"{order}u{layout.bits_allocated // 8}", count, start + index * size)
        yield StoredFrame(_stored_values(words.reshape(layout.rows, layout.columns), layout))


def _iter_encapsulated(pixels: PixelElement, layout: PixelLayout, factor: int) -> Iterator[StoredFrame]:
    stream = BytesIO(pixels.data)
    stream.seek(pixels.offset)
    index = -1
    try:
        for index, frame in enumerate(generate_frames(stream, number_of_frames=layout.frames)):
            if index == layout.frames:
                return
            _check_frame_size(frame, layout)
            yield decode_reduced(frame, layout, factor) or StoredFrame(_decode_frame(frame, layout))
    except (RejectedError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # whatever a broken frame makes decoders meet; a panic in Rust is no Exception
        raise _failed("The compressed frame cannot be decoded.") from error
    if index + 1 < layout.frames:
        raise _failed("The pixel data ends before its last frame does.")


def _decode_frame(frame: bytes, layout: PixelLayout) -> StoredValues:
    exact_words = layout.syntax == uid.RLELossless
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
    # GDCM reads the process from the codestream; under the name of JPEG Extended pydicom refuses 12 bits.
    decoder = get_decoder(uid.JPEGLossless if layout.decoder == "gdcm" else layout.syntax)
    with silent_stderr if layout.decoder == "gdcm" or exact_words else nullcontext():
        decoded, _ = decoder.as_array(encapsulate([frame]), index=0, raw=True, **options)
    return _stored_values(decoded, layout) if exact_words else decoded


def _check_frame_size(frame: bytes, layout: PixelLayout) -> None:
    """Compare what the frame says of itself with the header, so that no decoder allocates for a lie."""
    if layout.syntax == uid.RLELossless:
        plausible = len(frame) * RLE_RATIO >= layout.rows * layout.columns * layout.bits_allocated // 8
    else:
        size = read_frame_size(frame)
        plausible = size is not None and (size.rows, size.columns, size.components) == (layout.rows, layout.columns, 1)
    if not plausible:
        raise _failed("The compressed frame has another size than the header says.")


def _stored_values(words: npt.NDArray[np.unsignedinteger[Any]], layout: PixelLayout) -> StoredValues:
    """Cut the stored bits out of allocated words, wherever the high bit lies, and extend the sign (PS3.5 8.1.1)."""
    values = words.astype(f"u{words.dtype.itemsize}")
    values <<= layout.bits_allocated - 1 - layout.high_bit
    if layout.signed:
        values = values.view(f"i{words.dtype.itemsize}")
    values >>= layout.bits_allocated - layout.bits_stored
    return values


def _failed(message: str) -> RejectedError:
    return RejectedError(Reason.DECODE_FAILED, Stage.DECODE, message)
