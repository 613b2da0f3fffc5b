"""A film put together from what WADO-RS tells of it and its frames, for servers that do not give whole instances.

Attributes come as DICOM JSON (PS3.18 annex F) and the frames as they are stored (PS3.18 8.7.3, table 8.7.3-2); together
they are the file that the server would send (PS3.10), apart from what no reader of films looks at.
"""

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from harvest.decode.quiet import quiet_libraries
from harvest.sources.multipart import BrokenAnswerError, Part

SYNTAXES = {
    "application/octet-stream": uid.ExplicitVRLittleEndian,
    "image/jpeg": uid.JPEGLosslessSV1,
    "image/dicom-rle": uid.RLELossless,
    "image/jls": uid.JPEGLSLossless,
    "image/jp2": uid.JPEG2000Lossless,
    "image/jphc": uid.HTJ2KLossless,
}
"""What a frame's media type means where it names no transfer syntax."""
ROWS, FRAMES, PIXELS = "00280010", "00280008", "7FE00010"
MOST_FRAMES = 1025
"""Asked for; decoding refuses fewer."""


def count_frames(told: dict[str, Any]) -> int:
    """Return how many frames to ask for of an instance that the server tells of; 0 where it has no pixels.

    Raises:
        BrokenAnswerError: what it tells is no number.
    """
    try:
        return min(int(told.get(FRAMES, {}).get("Value", [1])[0]), MOST_FRAMES) if ROWS in told else 0
    except (AttributeError, IndexError, TypeError, ValueError):
        raise BrokenAnswerError("What the server tells of the film is not DICOM JSON.") from None


def join_frames(told: dict[str, Any], frames: Sequence[Part], read_bulk: Callable[[str], bytes | None]) -> bytes:
    """Return a DICOM file.

    Args:
        told: of the instance, in DICOM JSON.
        frames: all of them, in order; none where the instance has no pixels.
        read_bulk: gives what lies behind a URI in ``told`` (long lookup tables), None where it is not to be had.

    Raises:
        BrokenAnswerError: they do not make up a film.
    """
    attributes = {tag: element for tag, element in told.items() if tag != PIXELS and not tag.startswith("0002")}
    try:
        with quiet_libraries:
            return _to_file(attributes, frames, read_bulk)
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise BrokenAnswerError("What the server tells of the film and its frames do not make up a film.") from error


def _to_file(attributes: dict[str, Any], frames: Sequence[Part], read_bulk: Callable[[str], bytes | None]) -> bytes:
    film = Dataset.from_json(attributes, bulk_data_uri_handler=read_bulk)
    if "SpecificCharacterSet" in film or not json.dumps(attributes, ensure_ascii=False).isascii():
        film.SpecificCharacterSet = "ISO_IR 192"  # as JSON is
    _check_tables(film)
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = syntax = _syntax(frames[0]) if frames else uid.ExplicitVRLittleEndian
    if frames:
        _set_pixels(film, [part.data for part in frames], syntax)
    file = BytesIO()
    film.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _check_tables(film: Dataset) -> None:
    """Refuse a film of which the server keeps a lookup table back: it would look different.

    Debian's Orthanc leaves out attributes of files in implicit VR that are of one VR or another, tables among them.
    """
    tables = [item for name in ("ModalityLUTSequence", "VOILUTSequence") for item in film.get(name) or []]
    if not all(item.get("LUTDescriptor") and item.get("LUTData") for item in tables):
        raise BrokenAnswerError("The server keeps a lookup table of the film back; read it whole.")


def _syntax(frame: Part) -> uid.UID:
    named = frame.content_type.get_param("transfer-syntax")
    return uid.UID(str(named)) if named else SYNTAXES[frame.content_type.get_content_type()]


def _set_pixels(film: Dataset, frames: list[bytes], syntax: uid.UID) -> None:
    if syntax.is_encapsulated:
        film.PixelData = encapsulate(frames)
        film["PixelData"].is_undefined_length = True
    else:
        pixels = b"".join(frames)
        film.PixelData = pixels + b"\0" * (len(pixels) % 2)
    film["PixelData"].VR = "OB" if syntax.is_encapsulated or film.BitsAllocated <= 8 else "OW"
