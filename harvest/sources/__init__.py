"""Where objects come from: an archive lists its objects and reads them, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.local import LocalTree

__all__ = ["LocalTree", "Source", "open_source"]


class Source(Protocol):
    """An archive of objects."""

    @property
    def name(self) -> str:
        """Name of the archive; with an object's path it names the object."""
        ...

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every object once, paths ascending as plain strings, in bounded memory."""
        ...

    @property
    def lists_everything(self) -> bool:
        """Whether the last complete listing saw all there is, so that an object missing from it is gone."""
        ...

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole object.

        Raises:
            RejectedError: the object is empty, larger than ``max_bytes``, unreadable, or changed while it was read.
        """
        ...


def open_source(location: str, name: str | None = None) -> Source:
    """Open an archive.

    Args:
        location: a directory, or a single file, which is an archive of one object.
        name: of the archive; by default the directory's own name.

    Raises:
        ArchiveError: there is nothing at ``location``, or it is neither directory nor regular file.
    """
    if "://" in location:
        raise ArchiveError(f"{location!r} is not a local path; copy or mount the archive and give its directory.")
    path = Path(location).expanduser()
    if not path.exists():
        raise ArchiveError(f"There is no archive at {location!r}; give an existing directory or file.")
    if path.is_dir():
        return LocalTree(path.resolve(), name)
    if path.is_file():
        return LocalTree(path.parent.resolve(), name, only=path.name)
    raise ArchiveError(f"{location!r} is neither a directory nor a regular file; give one of these.")
