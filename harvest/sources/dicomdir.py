"""The DICOMDIR of a disc (DICOM PS3.3 annex F, PS3.10): it names the files, which are read from its own folder."""

from collections.abc import Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from harvest.errors import ArchiveError

NAME = "DICOMDIR"
MAX_BYTES = 512 * 2**20


def read_directory(dicomdir: Path) -> Iterator[str]:
    """Yield the path of every file that a DICOMDIR refers to, relative to its folder.

    Discs are often copied with file names in another case than the DICOMDIR has; such a file is found all the same.

    Raises:
        ArchiveError: it cannot be read.
    """
    try:
        if dicomdir.stat().st_size > MAX_BYTES:
            raise ArchiveError(f"{dicomdir} is too large for a DICOMDIR; give its folder instead.")
        records = dcmread(dicomdir, specific_tags=["DirectoryRecordSequence"]).get("DirectoryRecordSequence") or []
        named = [record.get("ReferencedFileID") for record in records]
    except (OSError, InvalidDicomError, ValueError, TypeError, AttributeError, NotImplementedError) as error:
        raise ArchiveError(f"{dicomdir} cannot be read as a DICOMDIR; give its folder instead.") from error
    for one in named:
        if one:
            parts = [one] if isinstance(one, str) else list(one)
            yield _as_on_disk(dicomdir.parent, [str(part) for part in parts])


def _as_on_disk(folder: Path, parts: list[str]) -> str:
    path = "/".join(parts)
    return path if (folder / path).exists() else path.lower()
