"""The DICOMDIR of a disc (DICOM PS3.3 annex F, PS3.10): it names the files, which are read from its own folder."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial, read_sequence_item
from pydicom.uid import UID

from harvest.decode.quiet import quiet_libraries
from harvest.errors import ArchiveError

NAME = "DICOMDIR"
RECORDS = 0x00041220
"""Directory Record Sequence."""
UNDEFINED = 2**32 - 1


def read_directory(dicomdir: Path) -> Iterator[str]:
    """Yield the path of every file that a DICOMDIR refers to, relative to its folder.

    Discs are often copied with file names in another case than the DICOMDIR has; such a file is found all the same.

    Raises:
        ArchiveError: it cannot be read.
    """
    try:
        with dicomdir.open("rb") as file:
            for record in _iter_records(file):
                with quiet_libraries:
                    named = record.get("ReferencedFileID")
                if named:
                    parts = [named] if isinstance(named, str) else [str(part) for part in named]
                    yield _as_on_disk(dicomdir.parent, parts)
    except (OSError, InvalidDicomError, ValueError, TypeError, AttributeError, NotImplementedError) as error:
        raise ArchiveError(f"{dicomdir} cannot be read as a DICOMDIR; give its folder instead.") from error


def _iter_records(file: BinaryIO) -> Iterator[Dataset]:
    """Yield the directory's records one by one; read at once they take several kilobytes each."""
    before = read_partial(file, stop_when=lambda tag, _vr, _length: tag == RECORDS)
    implicit = UID(before.file_meta.TransferSyntaxUID).is_implicit_VR
    header = file.read(8 if implicit else 12)  # tag, representation, length
    if not header:
        return
    length = int.from_bytes(header[-4:], "little")
    end = math.inf if length == UNDEFINED else file.tell() + length
    while file.tell() < end and (record := read_sequence_item(file, implicit, True, "iso8859")) is not None:
        yield record


def _as_on_disk(folder: Path, parts: list[str]) -> str:
    path = "/".join(parts)
    return path if (folder / path).exists() else path.lower()
