"""What a compressed frame says of its own size, read before a decoder may allocate for it.

JPEG and JPEG-LS: frame header (ITU-T T.81 B.2.2, T.87 C.2.2); JPEG 2000 and HTJ2K: SIZ and COD (T.800 A.5.1, A.6.1).
"""

import struct
from dataclasses import dataclass

JPEG_START = b"\xff\xd8"
J2K_START = b"\xff\x4f\xff\x51"
FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
COD, SOT = 0x52, 0x90
STANDALONE = {0x01, *range(0xD0, 0xD8)}


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Size and type of a compressed frame.

    Attributes:
        marker: second byte of the marker that says it.
        precision: bits of a value.
        levels: how often the frame can be halved while it is decoded (JPEG 2000).
    """

    rows: int
    columns: int
    components: int
    marker: int
    precision: int
    signed: bool = False
    levels: int = 0


def read_frame_size(frame: bytes) -> FrameSize | None:
    """Return the size that a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame declares; None where none is found."""
    try:
        if frame[:2] == JPEG_START:
            return _jpeg_size(frame)
        start = frame[:256].find(J2K_START)
        return _j2k_size(frame, start) if start >= 0 else None
    except (struct.error, IndexError):
        return None


def _jpeg_size(frame: bytes) -> FrameSize | None:
    position = 2
    while position < len(frame):
        if frame[position] != 0xFF:
            return None
        marker = frame[position + 1]
        if marker == 0xFF or marker in STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in FRAME_HEADERS:
            precision, rows, columns, components = struct.unpack_from(">BHHB", frame, position + 4)
            return FrameSize(rows, columns, components, marker, precision)
        position += 2 + struct.unpack_from(">H", frame, position + 2)[0]
    return None


def _j2k_size(frame: bytes, start: int) -> FrameSize:
    x_size, y_size, x_offset, y_offset = struct.unpack_from(">4I", frame, start + 8)
    components, depth = struct.unpack_from(">HB", frame, start + 40)
    return FrameSize(
        rows=y_size - y_offset,
        columns=x_size - x_offset,
        components=components,
        marker=J2K_START[3],
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        levels=_j2k_levels(frame, start + 2),
    )


def _j2k_levels(frame: bytes, position: int) -> int:
    """Return the number of decomposition levels of the main header; 0 where it does not say."""
    while position + 9 < len(frame) and frame[position] == 0xFF and frame[position + 1] != SOT:
        if frame[position + 1] == COD:
            return frame[position + 9]
        position += 2 + struct.unpack_from(">H", frame, position + 2)[0]
    return 0
