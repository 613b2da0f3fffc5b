"""A zip file as an archive, read in place: nothing of it is ever written to disk.

A member is named by its path in the file, whatever that is: no path is opened, so none leads anywhere. Of members with
one name the last counts, as for unpackers. No member yields more than the limit on bytes, whatever it claims.
"""

import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.source import UNKNOWN_SIZE, check_size, member_path, stamp, unreadable

SUFFIXES = (".zip",)
ENCRYPTED = 0x1
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others unpack without bound before anybody can look at the result."""


class ZipArchive:
    """The files in a zip file.

    Attributes:
        name: of the archive.
    """

    lists_everything = True
    reads_here = False

    def __init__(self, file: Path, name: str) -> None:
        """Open it.

        Raises:
            ArchiveError: it is no zip file, or a broken one.
        """
        self.name = name
        self._file = file
        self._packed()

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every file in it, paths ascending; only the directory at its end is read."""
        return (_listed(path, info) for path, info in sorted(self._packed().members.items()))

    def look_up(self, path: str) -> ArchiveObject:
        """Return the file at a path; one of unknown size where there is none."""
        info = self._packed().members.get(path)
        return _listed(path, info) if info else ArchiveObject(path, UNKNOWN_SIZE, 0)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return a whole file.

        Raises:
            RejectedError: absent, empty, too large, encrypted, packed in a way that is not read, or broken.
        """
        packed = self._packed()
        info = packed.members.get(path)
        if info is None:
            raise unreadable("The zip archive holds no such file; run again, so that it is listed anew.")
        if info.flag_bits & ENCRYPTED:
            raise unreadable("The file is encrypted in its zip archive; pack it without a password.")
        if info.compress_type not in READABLE:
            raise unreadable("The file is packed in its zip archive by another way than deflate; pack it anew.")
        check_size(info.file_size, max_bytes)
        try:
            with packed.file.open(info) as member:
                data = member.read(max_bytes + 1)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise unreadable("The file cannot be unpacked from its zip archive; it is broken there.") from error
        check_size(len(data), max_bytes)
        return data

    def _packed(self) -> "_Packed":
        try:
            status = self._file.stat()
            return _open(self._file, status.st_size, status.st_mtime_ns)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ArchiveError(f"{self._file} cannot be read as a zip archive: {error}.") from error


class _Packed:
    """An open zip file and its files by path; it lives as long as its process, and does not travel."""

    def __init__(self, path: Path) -> None:
        self.file = zipfile.ZipFile(path)
        self.members = {member_path(info.filename): info for info in self.file.infolist() if not info.is_dir()}


@lru_cache(maxsize=2)
def _open(path: Path, _size: int, _mtime_ns: int) -> _Packed:
    return _Packed(path)


def _listed(path: str, info: zipfile.ZipInfo) -> ArchiveObject:
    try:
        changed = datetime(*info.date_time, tzinfo=UTC)
    except ValueError:  # a month or day of 0 is met where no time was known
        changed = datetime(1980, 1, 1, tzinfo=UTC)
    return ArchiveObject(path, info.file_size, stamp(changed, f"{info.CRC}"))
