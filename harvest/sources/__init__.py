"""Where objects come from: an archive lists its objects and reads them, and nothing else."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from harvest.errors import ArchiveError
from harvest.sources import dicomdir, selection, tarred, zipped
from harvest.sources.local import LocalTree
from harvest.sources.source import UNKNOWN_SIZE, Lookup, Source, to_decode

__all__ = ["UNKNOWN_SIZE", "LocalTree", "Source", "open_source", "to_decode"]


def open_source(location: str, name: str | None = None, root: str | None = None) -> Source:
    """Open an archive.

    Args:
        location: a directory; a zip or tar file; a list of paths (CSV, Parquet); a DICOMDIR; or one film. Also as a
            URL, ``file://``.
        name: of the archive; by default that of the directory, or of the file without its endings.
        root: where the paths of a list begin, any of these but a list; by default the list's own directory.

    Raises:
        ArchiveError: there is nothing at ``location``, or it cannot be read as what it seems to be.
    """
    path = Path(_local(location)).expanduser()
    if not path.exists():
        raise ArchiveError(f"There is no archive at {location!r}; give an existing directory or file.")
    if path.is_dir():
        return LocalTree(path.resolve(), name)
    if not path.is_file():
        raise ArchiveError(f"{location!r} is neither a directory nor a regular file; give one of these.")
    if path.suffix.lower() in selection.SUFFIXES:
        return _open_list(path, name, root)
    return _open_file(path.resolve(), name)


def _open_file(path: Path, name: str | None) -> Source:
    lower = path.name.lower()
    if lower.endswith(zipped.SUFFIXES):
        return zipped.ZipArchive(path, name or _stem(path))
    if lower.endswith(tarred.SUFFIXES):
        return tarred.TarArchive(path, name or _stem(path))
    folder = LocalTree(path.parent, name, only=path.name)
    if path.name.upper() == dicomdir.NAME:
        return selection.Selection(folder, dicomdir.read_directory(path), folder.name)
    return folder


def _open_list(table: Path, name: str | None, root: str | None) -> Source:
    inner = open_source(root or str(table.parent))
    if not isinstance(inner, Lookup):
        raise ArchiveError(f"The paths of a list cannot be looked up in {root!r}; give a directory or packed archive.")
    folder = inner.root if isinstance(inner, LocalTree) else None
    return selection.Selection(inner, selection.read_list(table, folder), name or _stem(table))


def _stem(path: Path) -> str:
    endings = (*selection.SUFFIXES, *zipped.SUFFIXES, *tarred.SUFFIXES)
    longest = max((len(ending) for ending in endings if path.name.lower().endswith(ending)), default=0)
    return path.name[: len(path.name) - longest] or path.name


def _local(location: str) -> str:
    if location.startswith("file://"):
        return unquote(urlsplit(location).path)
    if "://" in location:
        raise ArchiveError(f"{location!r} is not a local path; copy or mount the archive and give its directory.")
    return location
