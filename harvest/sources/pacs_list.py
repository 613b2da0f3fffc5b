"""Instances of a PACS that a list names by their own UID, their study's, or its accession number."""

import logging
from collections.abc import Iterator
from urllib.parse import quote

from harvest.records import ArchiveObject
from harvest.sources.dicomweb import DicomWebArchive
from harvest.sources.keywords import WAYS
from harvest.sources.qido import ask_ahead
from harvest.sources.source import UNKNOWN_SIZE, unreadable

logger = logging.getLogger(__name__)


class PacsList:
    """What a list names, each instance once; a name that the PACS does not know is an object that cannot be read.

    So it is rejected and counted like any other, and asked for again by the next run.

    Attributes:
        name: of the archive.
    """

    lists_everything = True
    reads_here = True

    def __init__(self, pacs: DicomWebArchive, keyword: str, values: Iterator[str], name: str) -> None:
        """Ask nothing yet.

        Args:
            pacs: where they are.
            keyword: what the list holds, one of ``WAYS``.
            values: UIDs or accession numbers.
            name: of the archive.
        """
        self.name = name
        self._pacs, self._keyword = pacs, keyword
        self._values = sorted(set(values))

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every instance named, paths ascending, and each unknown name as a path of its own.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        found: dict[str, ArchiveObject] = {}
        answers = ask_ahead(lambda value: self._pacs.catalogue.find(self._keyword, value), self._values)
        unknown = 0
        for value, instances in zip(self._values, answers, strict=True):
            unknown += not instances
            nothing = ArchiveObject(f"{self._keyword}/{quote(value, safe='')}", UNKNOWN_SIZE, 0)
            found |= {one.path: one for one in instances or [nothing]}
        if unknown:
            logger.warning(
                "The PACS holds nothing under %d of %d names of the list (%s); each is rejected as unreadable_file.",
                unknown, len(self._values), self._keyword,
            )  # fmt: skip
        return iter(sorted(found.values()))

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole instance.

        Raises:
            RejectedError: the PACS does not hold it, or it is too large.
            ArchiveError: the server refuses or is out of reach.
        """
        if path.partition("/")[0] in WAYS:
            raise unreadable("The PACS holds nothing under this name of the list; it is asked again by the next run.")
        return self._pacs.read_bytes(path, max_bytes)
