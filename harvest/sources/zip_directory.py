"""The directory at the end of a zip file, entry by entry (APPNOTE 6.3.10, sections 4.3.12 to 4.3.16).

Python's own :mod:`zipfile` makes a kilobyte of objects of each entry before it gives the first; here it is one row.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

END, END64_LOCATOR, END64 = (struct.Struct(layout) for layout in ("<4s4H2LH", "<4sLQL", "<4sQ2H2L4Q"))
ENTRY, LOCAL = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
LONGEST_COMMENT = 2**16
FULL = 2**32 - 1
"""Of 32 bits: the number stands in the extra field, with 64."""
UTF8 = 0x800


class Entry(NamedTuple):
    """A file in a zip file: where it begins, bytes packed and unpacked, checksum, flags, way, DOS date and time."""

    offset: int
    packed: int
    size: int
    crc: int
    flags: int
    way: int
    day: int
    time: int


def iter_entries(file: BinaryIO) -> Iterator[tuple[str, Entry]]:
    """Yield name and entry of every file, in the order of the directory.

    Raises:
        ValueError: it is no zip file, or a broken one; also while it yields.
    """
    count, start, shift = _find_directory(file)
    file.seek(start)
    for _ in range(count):
        mark, _, _, flags, way, time, day, crc, packed, size, n_name, n_extra, n_comment, *_, offset = _read(
            file, ENTRY
        )
        text = file.read(n_name + n_extra + n_comment)
        if mark != b"PK\x01\x02" or len(text) < n_name + n_extra:
            raise ValueError("its directory is broken")
        raw = text[:n_name].partition(b"\0")[0]
        name = raw.decode("utf-8", "backslashreplace") if flags & UTF8 else raw.decode("cp437")
        size, packed, offset = _widened(text[n_name : n_name + n_extra], [size, packed, offset])
        if name and not name.endswith("/"):
            yield name, Entry(offset + shift, packed, size, crc, flags, way, day, time)


def read_packed(descriptor: int, entry: Entry, most: int) -> bytes:
    """Return the bytes of a file as they are packed, ``most`` of them at most.

    Raises:
        ValueError: there is no such file.
        OSError: they cannot be read.
    """
    header = os.pread(descriptor, LOCAL.size, entry.offset)
    if len(header) < LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise ValueError("no file begins there")
    *_, n_name, n_extra = LOCAL.unpack(header)
    return os.pread(descriptor, min(entry.packed, most), entry.offset + LOCAL.size + n_name + n_extra)


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Return how many entries there are, where the first begins, and how far all offsets are from the truth."""
    size = file.seek(0, os.SEEK_END)
    tail_start = max(0, size - LONGEST_COMMENT - END.size)
    file.seek(tail_start)
    at = file.read().rfind(b"PK\x05\x06")
    if at < 0:
        raise ValueError("it has no directory at its end")
    end = tail_start + at
    file.seek(end)
    _, _, _, _, count, length, start, _ = _read(file, END)
    file.seek(max(0, end - END64_LOCATOR.size))
    if _read(file, END64_LOCATOR)[0] == b"PK\x06\x07":
        end -= END64_LOCATOR.size + END64.size
        file.seek(max(0, end))
        mark, *_, count, length, start = _read(file, END64)
        if mark != b"PK\x06\x06":
            raise ValueError("the end of its directory is broken")
    shift = end - length - start  # of a zip file behind something else
    if shift < 0:
        raise ValueError("its directory is not where it should be")
    return count, start + shift, shift


def _widened(extra: bytes, numbers: list[int]) -> list[int]:
    """Replace each number that is full by the next one of the extra field of kind 1."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<2H", extra[:4])
        if kind == 1:
            wide = iter(struct.unpack(f"<{length // 8}Q", extra[4 : 4 + length // 8 * 8]))
            return [next(wide, number) if number == FULL else number for number in numbers]
        extra = extra[4 + length :]
    return numbers


def _read(file: BinaryIO, layout: struct.Struct) -> tuple:  # type: ignore[type-arg]
    data = file.read(layout.size)
    if len(data) < layout.size:
        raise ValueError("it ends too early")
    return layout.unpack(data)
