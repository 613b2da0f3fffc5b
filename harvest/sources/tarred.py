"""A tar file as an archive, plain or packed with gzip, read in place: nothing of it is ever written to disk.

A member is named by its path in the file, whatever that is: no path is opened, so none leads anywhere. Of members with
one name the last counts, as for unpackers. A gzip file is indexed while it is listed (:mod:`indexed_gzip`), so that a
film in its middle is read without unpacking what comes before.
"""

import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from weakref import finalize

from indexed_gzip import IndexedGzipFile

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.path_index import PathIndex
from harvest.sources.source import SECOND_NS, UNKNOWN_SIZE, check_size, member_path, unreadable

SUFFIXES = (".tar", ".tar.gz", ".tgz")
SPACING = 4 * 2**20
"""Bytes between two points from which a gzip file can be unpacked."""
LARGEST_RATIO = 250
"""Unpacked to packed bytes; an archive of films does not shrink as far, a bomb does."""
ALWAYS_UNPACKED = 2**30
"""Bytes that are unpacked whatever the ratio."""


class Member(NamedTuple):
    """Where a file lies: its first byte and its size in the unpacked archive; time of change, nanoseconds."""

    offset: int
    size: int
    mtime_ns: int


class TarArchive:
    """The files in a tar file; links and devices in it are passed over.

    Attributes:
        name: of the archive.
        skipped: what was passed over, by kind: ``link``, ``special_file``.
    """

    lists_everything = True
    reads_here = True

    def __init__(self, file: Path, name: str) -> None:
        """Read through it once, to find where each file lies.

        Raises:
            ArchiveError: it is no tar file, a broken one, or unpacks beyond measure.
        """
        self.name = name
        self.skipped: Counter[str] = Counter()
        self._lock = threading.Lock()
        try:
            packed_size = file.stat().st_size
            self._stream = _open(file)
            finalize(self, self._stream.close)
            most = max(ALWAYS_UNPACKED, LARGEST_RATIO * packed_size)
            self._members = PathIndex(self._iter_members(most), len(Member._fields))
        except (OSError, EOFError, OverflowError, ValueError, tarfile.TarError) as error:
            raise ArchiveError(f"{file} cannot be read as a tar archive: {error}.") from error

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every file in it, paths ascending."""
        return (ArchiveObject(path, size, mtime_ns) for path, (_, size, mtime_ns) in self._members)

    def look_up(self, path: str) -> ArchiveObject:
        """Return the file at a path; one of unknown size where there is none."""
        _, size, mtime_ns = self._members.find(path) or Member(0, UNKNOWN_SIZE, 0)
        return ArchiveObject(path, size, mtime_ns)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return a whole file.

        Raises:
            RejectedError: absent, empty, too large or broken.
        """
        numbers = self._members.find(path)
        if numbers is None:
            raise unreadable("The tar archive holds no such file; run again, so that it is listed anew.")
        member = Member(*numbers)
        check_size(member.size, max_bytes)
        try:
            with self._lock:  # one stream, and decoder threads that take turns
                self._stream.seek(member.offset)
                data = self._stream.read(member.size)
        except (OSError, EOFError, ValueError) as error:
            raise unreadable("The file cannot be read from its tar archive; it is broken there.") from error
        if len(data) != member.size:
            raise unreadable("The tar archive ends in the middle of this file.")
        return data

    def _iter_members(self, most: int) -> Iterator[tuple[str, Member]]:
        with tarfile.open(fileobj=self._stream, mode="r:", encoding="utf-8", errors="backslashreplace") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                if info.offset_data + info.size > most:
                    raise ValueError(f"it unpacks to more than {LARGEST_RATIO} times its size")
                if info.isfile() and not info.issparse():
                    yield member_path(info.name), Member(info.offset_data, info.size, int(info.mtime * SECOND_NS))
                elif not info.isdir():
                    self.skipped["link" if info.issym() or info.islnk() else "special_file"] += 1


def _open(file: Path) -> BinaryIO:
    if file.suffix.lower() == ".tar":
        return file.open("rb")
    return cast(BinaryIO, IndexedGzipFile(str(file), spacing=SPACING))
