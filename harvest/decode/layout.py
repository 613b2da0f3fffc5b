"""Size, type and syntax of stored frames, checked before anything is allocated (PS3.3 C.7.6.3, PS3.5 chapter 8)."""

from dataclasses import dataclass

from pydicom import uid

from harvest.config import DecodeConfig
from harvest.decode.codestream import read_frame_size
from harvest.decode.dataset import DicomObject, PixelElement
from harvest.decode.tags import Tags
from harvest.errors import Reason, RejectedError, Stage

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

SYNTAX_OF_MARKER = {
    0xC0: uid.JPEGBaseline8Bit,
    0xC1: uid.JPEGExtended12Bit,
    0xC3: uid.JPEGLossless,
    0xF7: uid.JPEGLSNearLossless,
    0x51: uid.JPEG2000,
}
"""By the marker of the frame header: the most general syntax of that process."""

GREY_INTERPRETATIONS = {"MONOCHROME1", "MONOCHROME2"}


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """Size and type of the stored frames, checked.

    Attributes:
        syntax: transfer syntax of the pixel data; guessed from the codestream where the meta header is missing or
            calls data in fragments native, or compressed what is not.
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
    syntax: uid.UID
    decoder: str


def read_layout(source: DicomObject, config: DecodeConfig) -> PixelLayout:
    """Check geometry, size, syntax, colour and depth, in this order, before anything is allocated.

    Raises:
        RejectedError: the first check that fails.
    """
    tags = source.tags
    rows, columns, frames = _read_geometry(tags, config)
    syntax = _read_syntax(source)
    interpretation = (tags.text("PhotometricInterpretation") or "").upper()
    if interpretation not in GREY_INTERPRETATIONS or (tags.integer("SamplesPerPixel") or 1) != 1:
        raise _rejected(Reason.UNSUPPORTED_PHOTOMETRIC_INTERPRETATION, "The image is not grey (MONOCHROME1 or 2).")
    allocated, stored, high_bit = _read_depth(tags)
    signed = tags.integer("PixelRepresentation") == 1
    decoder = _decoder_of(syntax, stored)
    return PixelLayout(rows, columns, frames, interpretation, allocated, stored, high_bit, signed, syntax, decoder)


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


def _read_syntax(source: DicomObject) -> uid.UID:
    syntax, pixels = source.transfer_syntax, source.pixels
    if pixels is not None and pixels.encapsulated and syntax in NATIVE:
        syntax = _guess_compressed(pixels) or syntax
    if pixels is not None and not pixels.encapsulated and syntax in PLUGINS:
        syntax = uid.ExplicitVRLittleEndian  # a compressed syntax is named, but the pixels were unpacked
    if syntax not in NATIVE and syntax not in PLUGINS:
        raise _rejected(Reason.UNSUPPORTED_TRANSFER_SYNTAX, "No decoder reads this transfer syntax.")
    return syntax


def _guess_compressed(pixels: PixelElement) -> uid.UID | None:
    """Return the syntax that the first fragment after the offset table shows (PS3.5 A.4)."""
    data, start = pixels.data, pixels.offset
    table = int.from_bytes(data[start + 4 : start + 8], "little")
    first = start + 8 + table + 8
    size = read_frame_size(data[first : first + 65_536])
    return None if size is None else SYNTAX_OF_MARKER.get(size.marker)


def _decoder_of(syntax: uid.UID, bits_stored: int) -> str:
    if syntax == uid.JPEGExtended12Bit and bits_stored > 8:
        return "gdcm"
    return "native" if syntax in NATIVE else PLUGINS[syntax]


def _rejected(reason: Reason, message: str) -> RejectedError:
    return RejectedError(reason, Stage.DECODE, message)
