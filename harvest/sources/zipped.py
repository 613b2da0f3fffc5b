"""A zip file as an archive, read in place: nothing of it is ever written to disk.

A member is named by its path in the file, whatever that is: no path is opened, so none leads anywhere. Of members with
one name the last counts, as for unpackers. No member yields more than the limit on bytes, whatever it claims.
"""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from weakref import finalize

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.path_index import PathIndex
from harvest.sources.source import UNKNOWN_SIZE, check_size, member_path, stamp, unreadable
from harvest.sources.zip_directory import Entry, iter_entries, read_packed

SUFFIXES = (".zip",)
ENCRYPTED = 0x1
STORED, DEFLATED = 0, 8
"""The other ways unpack without bound before anybody can look at the result."""
RAW_DEFLATE = -15
LONGEST_WRAPPING = 2**16
"""Bytes by which deflate may make a film longer."""


class ZipArchive:
    """The files in a zip file.

    Attributes:
        name: of the archive.
    """

    lists_everything = True
    reads_here = True

    def __init__(self, file: Path, name: str) -> None:
        """Open it; only the directory at its end is read.

        Raises:
            ArchiveError: it is no zip file, or a broken one.
        """
        self.name = name
        try:
            self._file = file.open("rb")
            finalize(self, self._file.close)
            rows = ((member_path(path), tuple(entry)) for path, entry in iter_entries(self._file))
            self._members = PathIndex(rows, len(Entry._fields))
        except (OSError, ValueError, OverflowError) as error:
            raise ArchiveError(f"{file} cannot be read as a zip archive: {error}.") from error

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every file in it, paths ascending."""
        return (_listed(path, Entry(*numbers)) for path, numbers in self._members)

    def look_up(self, path: str) -> ArchiveObject:
        """Return the file at a path; one of unknown size where there is none."""
        numbers = self._members.find(path)
        return _listed(path, Entry(*numbers)) if numbers else ArchiveObject(path, UNKNOWN_SIZE, 0)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return a whole file.

        Raises:
            RejectedError: absent, empty, too large, encrypted, packed in a way that is not read, or broken.
        """
        numbers = self._members.find(path)
        if numbers is None:
            raise unreadable("The zip archive holds no such file; run again, so that it is listed anew.")
        entry = Entry(*numbers)
        if entry.flags & ENCRYPTED:
            raise unreadable("The file is encrypted in its zip archive; pack it without a password.")
        if entry.way not in (STORED, DEFLATED):
            raise unreadable("The file is packed in its zip archive by another way than deflate; pack it anew.")
        check_size(entry.size, max_bytes)
        try:
            packed = read_packed(self._file.fileno(), entry, max_bytes + LONGEST_WRAPPING)
            unpacker = zlib.decompressobj(RAW_DEFLATE)
            data = packed if entry.way == STORED else unpacker.decompress(packed, entry.size + 1)
        except (OSError, ValueError, zlib.error) as error:
            raise unreadable("The file cannot be unpacked from its zip archive; it is broken there.") from error
        if len(data) != entry.size or zlib.crc32(data) != entry.crc:
            raise unreadable("The file does not unpack from its zip archive to what it should be; it is broken there.")
        return data


def _listed(path: str, entry: Entry) -> ArchiveObject:
    year, month, day = 1980 + (entry.day >> 9), entry.day >> 5 & 15, entry.day & 31
    try:
        changed = datetime(year, month, day, entry.time >> 11, entry.time >> 5 & 63, entry.time % 32 * 2, tzinfo=UTC)
    except ValueError:  # a month or day of 0 is met where no time was known
        changed = datetime(1980, 1, 1, tzinfo=UTC)
    return ArchiveObject(path, entry.size, stamp(changed, f"{entry.crc}"))
