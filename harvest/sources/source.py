"""What a source is: a listing with evidence of change, and the bytes of one object at a time.

What names a film is independent of where it came from: a DICOM film is its SOP instance UID, any other its archive's
name and its path in it. A folder, the zip of what is in it, a list of its files and a copy of it in a bucket so give
the same instance keys, as long as they go by one archive name.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from harvest.errors import Reason, RejectedError, Stage
from harvest.records import ArchiveObject, Rejection

SECOND_NS = 1_000_000_000
UNKNOWN_SIZE = -1
"""Size of an object of which its source tells none."""


class Source(Protocol):
    """An archive of objects."""

    @property
    def name(self) -> str:
        """Name of the archive; with an object's path it names the object."""
        ...

    @property
    def reads_here(self) -> bool:
        """Whether objects are to be read in this process, not in a decoder's.

        What waits for a server, or holds an index, must neither be killed by a decoder's clock nor travel with every
        object.
        """
        ...

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every object once, paths ascending as plain strings, in bounded memory, without reading contents.

        Raises:
            ArchiveError: the archive cannot be listed.
        """
        ...

    @property
    def lists_everything(self) -> bool:
        """Whether the last complete listing saw all there is, so that an object missing from it is gone."""
        ...

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole object.

        Raises:
            RejectedError: the object is empty, larger than ``max_bytes``, unreadable, or changed while it was read.
            ArchiveError: the archive itself can no longer be read; it says nothing of the object.
        """
        ...


@runtime_checkable
class Lookup(Source, Protocol):
    """An archive that tells the evidence of one object without listing all."""

    def look_up(self, path: str) -> ArchiveObject:
        """Return the object at a path as a listing would; where there is none, one of unknown size."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """One object that has been read, or could not be; it travels to a decoder in place of its source."""

    name: str
    data: bytes
    rejection: Rejection | None = None
    lists_everything: bool = False
    reads_here: bool = False

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield nothing: what is here was listed by its source."""
        return iter(())

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the object, or raise as its source did."""
        if self.rejection is not None:
            raise RejectedError(self.rejection.reason, self.rejection.stage, self.rejection.message)
        return self.data


def to_decode(source: Source, path: str, max_bytes: int) -> Source:
    """Return what a decoder process is to read an object from: the source, or the object where that is read here.

    Raises:
        ArchiveError: the archive can no longer be read.
    """
    if not source.reads_here:
        return source
    try:
        return Fetched(source.name, source.read_bytes(path, max_bytes))
    except RejectedError as error:
        return Fetched(source.name, b"", Rejection(error.reason, error.stage, error.message))


def unreadable(message: str) -> RejectedError:
    """Return the rejection of an object that cannot be read."""
    return RejectedError(Reason.UNREADABLE_FILE, Stage.READ, message)


def check_size(size: int, max_bytes: int) -> None:
    """Refuse an object of no bytes or too many, before it is read or after.

    Raises:
        RejectedError: so it is.
    """
    if size == 0:
        raise RejectedError(Reason.EMPTY_FILE, Stage.READ, "The file is empty.")
    if size > max_bytes:
        raise RejectedError(Reason.FILE_TOO_LARGE, Stage.READ, "The file is larger than decode.max_bytes.")


def member_path(name: str) -> str:
    """Return the path of a packed file as the listing of a folder would write it: without ``./`` in front."""
    return name.removeprefix("./")


def stamp(changed: datetime, evidence: str) -> int:
    """Return a time of change, nanoseconds since the epoch, of which the part below a second stands for ``evidence``.

    Servers and packed archives keep whole seconds (or two); what else they tell of a content (ETag, checksum) takes
    the free digits, so that a change within the second is seen, too.
    """
    return int(changed.timestamp()) * SECOND_NS + zlib.crc32(evidence.encode()) % SECOND_NS
