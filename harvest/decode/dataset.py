"""From bytes to a DICOM dataset and the place of its pixel data, within limits (PS3.5 chapter 7, PS3.10 chapter 7).

Nothing is inflated, nested or counted beyond a bound: a deflated dataset of 1.5 MB can inflate to gigabytes, and a
parser follows sequences as deep as a file nests them.
"""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from pydicom import uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.values import converters

from harvest.decode.oddities import find_oddities
from harvest.decode.tags import ALLOWED, CHARACTER_SETS, Tags
from harvest.errors import Reason, RejectedError, Stage

PREAMBLE = 128
MAGIC = b"DICM"
MAX_READS = 1_000_000
"""Steps of the parser; an ordinary header takes some hundreds."""
PIXEL_TAGS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
UNDEFINED = 0xFFFFFFFF
ALLOWED_TAGS: list[BaseTag | int] = [tag for tag in map(tag_for_keyword, ALLOWED) if tag is not None]


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixel data lies.

    Attributes:
        keyword: PixelData, FloatPixelData or DoubleFloatPixelData.
        vr: OB or OW; None in implicit VR.
        data: the whole (inflated) file.
        offset: of the value in ``data``.
        length: bytes of the value that are really there.
        encapsulated: whether the length is undefined, that is the value a sequence of fragments.
    """

    keyword: str
    vr: str | None
    data: bytes
    offset: int
    length: int
    encapsulated: bool


@dataclass(frozen=True, slots=True)
class DicomObject:
    """A parsed object.

    Attributes:
        tags: of the header.
        transfer_syntax: UID; guessed where the meta header is missing.
        guessed: whether it was.
        pixels: None when there is no pixel data.
        oddities: what is unusual about the file, of :mod:`harvest.decode.oddities`.
    """

    tags: Tags
    transfer_syntax: uid.UID
    guessed: bool
    pixels: PixelElement | None
    oddities: tuple[str, ...] = ()


class _BoundedReader(BytesIO):
    """Bytes that end a parser which takes too many steps."""

    reads_left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads_left -= 1
        if self.reads_left < 0:
            raise RejectedError(Reason.BROKEN_HEADER, Stage.HEADER, "The header has too many elements.")
        return super().read(size)


def looks_like_dicom(data: bytes) -> bool:
    """Tell whether bytes have DICOM's prefix, or, without one, begin like a dataset (group 0002 or 0008)."""
    if data[PREAMBLE : PREAMBLE + 4] == MAGIC:
        return True
    if len(data) < 16:
        return False
    group, element = struct.unpack("<HH", data[:4])
    big_group, big_element = struct.unpack(">HH", data[:4])
    return bool((group in {2, 8} and element < 0x2000) or (big_group == 8 and big_element < 0x2000))


def read_object(data: bytes, max_inflated: int) -> DicomObject:
    """Parse a header up to its pixel data.

    Args:
        data: whole file.
        max_inflated: bytes to which a deflated dataset may grow.

    Raises:
        RejectedError: nested too deep, inflates too far, or cannot be parsed.
    """
    try:
        return _read_object(data, max_inflated)
    except RecursionError as error:
        raise RejectedError(Reason.HEADER_TOO_DEEP, Stage.HEADER, "Sequences are nested too deep.") from error
    except (RejectedError, MemoryError):
        raise
    except Exception as error:  # the parser raises whatever a broken file makes it meet
        raise RejectedError(Reason.BROKEN_HEADER, Stage.HEADER, "The DICOM header cannot be parsed.") from error


def _read_object(data: bytes, max_inflated: int) -> DicomObject:
    (meta, start), whole = _read_meta(data), data[PREAMBLE : PREAMBLE + 4] == MAGIC
    stated = Tags(meta).text("TransferSyntaxUID")
    syntax = uid.UID(stated) if stated else _guess_syntax(data[start : start + 6])
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        data, start = _inflate(data[start:], max_inflated), 0
    found: list[PixelElement] = []
    reader = _BoundedReader(data)
    private = False

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal private
        private = private or tag.is_private
        keyword = PIXEL_TAGS.get(tag)
        if keyword is None:
            return False
        offset = reader.tell()
        found.append(PixelElement(keyword, vr, data, offset, min(length, len(data) - offset), length == UNDEFINED))
        return True

    reader.seek(start)
    implicit, little = syntax == uid.ImplicitVRLittleEndian, syntax != uid.ExplicitVRBigEndian
    dataset = read_dataset(reader, implicit, little, stop_when=at_pixels, specific_tags=ALLOWED_TAGS)
    tags = Tags(dataset)
    named = tags.texts(CHARACTER_SETS)
    oddities = find_oddities(preamble=whole, meta=len(meta) > 0, private=private, character_sets=named)
    return DicomObject(tags, syntax, not stated, found[0] if found else None, oddities)


def _read_meta(data: bytes) -> tuple[Dataset, int]:
    """Return the meta header, possibly empty, and where the dataset begins."""
    start = PREAMBLE + 4 if data[PREAMBLE : PREAMBLE + 4] == MAGIC else 0
    reader = _BoundedReader(data)
    reader.seek(start)
    meta = read_dataset(reader, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
    return meta, reader.tell()


def _guess_syntax(head: bytes) -> uid.UID:
    """Tell the encoding of a dataset without meta header from its first element, whose group is below 0100."""
    if len(head) < 6 or head[4:6].decode("latin-1") not in converters:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRBigEndian if head[0] == 0 else uid.ExplicitVRLittleEndian


def _inflate(deflated: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(deflated, limit)
    if inflater.unconsumed_tail:
        raise RejectedError(Reason.IMAGE_TOO_LARGE, Stage.HEADER, "The deflated dataset inflates beyond the limit.")
    return inflated
