"""Where objects come from: an archive lists its objects and reads them, and nothing else."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from harvest.errors import ArchiveError
from harvest.sources.local import LocalTree
from harvest.sources.source import UNKNOWN_SIZE, Source, to_decode

__all__ = ["UNKNOWN_SIZE", "LocalTree", "Source", "open_source", "to_decode"]


def open_source(location: str, name: str | None = None) -> Source:
    """Open an archive.

    Args:
        location: a directory, or a single file, which is an archive of one object; also as a URL, ``file://``.
        name: of the archive; by default the directory's own name.

    Raises:
        ArchiveError: there is nothing at ``location``, or it is neither directory nor regular file.
    """
    path = Path(_local(location)).expanduser()
    if not path.exists():
        raise ArchiveError(f"There is no archive at {location!r}; give an existing directory or file.")
    if path.is_dir():
        return LocalTree(path.resolve(), name)
    if path.is_file():
        return LocalTree(path.parent.resolve(), name, only=path.name)
    raise ArchiveError(f"{location!r} is neither a directory nor a regular file; give one of these.")


def _local(location: str) -> str:
    if location.startswith("file://"):
        return unquote(urlsplit(location).path)
    if "://" in location:
        raise ArchiveError(f"{location!r} is not a local path; copy or mount the archive and give its directory.")
    return location
