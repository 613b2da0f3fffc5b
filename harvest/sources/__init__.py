"""Where objects come from: an archive lists its objects and reads them, and nothing else."""

from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from harvest.config import ArchiveConfig
from harvest.errors import ArchiveError
from harvest.sources import dicomdir, selection, tarred, zipped
from harvest.sources.local import ASIDE, LocalTree
from harvest.sources.source import UNKNOWN_SIZE, Lookup, Source, to_decode

__all__ = ["UNKNOWN_SIZE", "LocalTree", "Source", "may_be_empty", "open_source", "to_decode"]

BUCKETS = ("s3", "az", "gs")
DICOMWEB = ("dicomweb+https", "dicomweb+http")
FILTERS = ("StudyDate", "ModalitiesInStudy")
"""What the address of a PACS may narrow its studies to."""
DEFAULTS = ArchiveConfig()


def open_source(
    location: str, name: str | None = None, root: str | None = None, config: ArchiveConfig = DEFAULTS
) -> Source:
    """Open an archive.

    Args:
        location: a directory; a zip or tar file; a list (CSV, Parquet) of paths, UIDs or accession numbers; a
            DICOMDIR; one film; the URL of a bucket or what is below a prefix of it (``s3://``, ``az://``, ``gs://``);
            or that of a DICOMweb service (``dicomweb+https://host/path``), which may end in
            ``?StudyDate=20240101-20241231``. ``file://`` is a path.
        name: of the archive; by default that of the directory, of the file without its endings, of the prefix, or of
            the server.
        root: where the paths of a list begin, any of these but a list; by default the list's own directory. For a list
            of UIDs or accession numbers the PACS that knows them.
        config: how servers are asked.

    Raises:
        ArchiveError: there is nothing at ``location``, or it cannot be read as what it seems to be.
    """
    if "://" in location and not location.startswith("file://"):
        return _open_url(location, name, config)
    path = Path(unquote(location.removeprefix("file://"))) if location.startswith("file://") else Path(location)
    path = path.expanduser()
    if not path.exists():
        raise ArchiveError(f"There is no archive at {location!r}; give an existing directory or file.")
    if path.is_dir():
        return LocalTree(path.resolve(), name)
    if not path.is_file():
        raise ArchiveError(f"{location!r} is neither a directory nor a regular file; give one of these.")
    if path.suffix.lower() in selection.SUFFIXES:
        return _open_list(path, name, open_source(root or str(path.parent), config=config))
    return _open_file(path.resolve(), name)


def may_be_empty(source: Source) -> bool:
    """Tell whether an archive that holds nothing is no mistake: an inbox into which nothing was sent yet."""
    return isinstance(source, LocalTree) and (source.root / ASIDE).is_dir()


def _open_url(location: str, name: str | None, config: ArchiveConfig) -> Source:
    """Open what a server keeps; its client is imported when it is needed."""
    url = urlsplit(location)
    filters = dict(parse_qsl(url.query, keep_blank_values=True)) if url.scheme in DICOMWEB else {}
    unexpected = url.query if url.scheme not in DICOMWEB else set(filters) - set(FILTERS)
    if "@" in url.netloc or url.fragment or unexpected:  # the address goes into records; a secret must not
        raise ArchiveError(
            f"The address of a {url.scheme}:// archive holds more than a place; give credentials in the environment."
        )
    if url.scheme not in BUCKETS + DICOMWEB or not url.netloc:
        known = ", ".join(f"{scheme}://" for scheme in BUCKETS + DICOMWEB)
        raise ArchiveError(f"{location!r} is no archive that can be read; give a path, or one of {known}.")
    from harvest.sources.patience import Patience

    patience = Patience(config.patience_seconds, config.requests_per_second)
    if url.scheme in DICOMWEB:
        from harvest.sources.dicomweb import DicomWebArchive

        place = SplitResult(url.scheme.removeprefix("dicomweb+"), url.netloc, url.path, "", "").geturl()
        return DicomWebArchive(place, name or url.hostname or url.netloc, patience, filters, config.retrieval)
    from harvest.sources.object_store import BucketArchive

    return BucketArchive(location, name or PurePosixPath(url.path).name or url.netloc, patience)


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


def _open_list(table: Path, name: str | None, inner: Source) -> Source:
    keyword, values = selection.read_list(table)
    if keyword == selection.PATH:
        if not isinstance(inner, Lookup):
            raise ArchiveError("Nothing can be looked up in a list; give another --root.")
        folder = inner.root if isinstance(inner, LocalTree) else None
        return selection.Selection(inner, selection.relative_paths(values, folder), name or _stem(table))
    from harvest.sources.dicomweb import DicomWebArchive
    from harvest.sources.pacs_list import PacsList

    if not isinstance(inner, DicomWebArchive) or not inner.lists_everything:
        raise ArchiveError(
            f"The list {table} names films by {keyword}, which only a PACS knows: give its DICOMweb service as --root, "
            "dicomweb+https://HOST/PATH, without any '?'."
        )
    return PacsList(inner, keyword, values, name or _stem(table))


def _stem(path: Path) -> str:
    endings = (*selection.SUFFIXES, *zipped.SUFFIXES, *tarred.SUFFIXES)
    longest = max((len(ending) for ending in endings if path.name.lower().endswith(ending)), default=0)
    return path.name[: len(path.name) - longest] or path.name
