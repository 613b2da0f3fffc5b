"""What a PACS says that it holds (QIDO-RS, DICOM PS3.18 10.6), page by page."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from dicomweb_client.api import DICOMwebClient

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.answers import asked
from harvest.sources.keywords import HELD, INSTANCE, SERIES, STUDY, UPDATED, WAYS
from harvest.sources.patience import Patience
from harvest.sources.source import UNKNOWN_SIZE

Answer = TypeVar("Answer")
Found = dict[str, dict[Any, Any]]
Page = Callable[[int, int], list[Found]]
"""Asks for a page: limit and offset."""
Told = tuple[str, ...]
"""Values of some attributes of a study or instance, "" where there is none; its UIDs come first."""
ANY_UID = re.compile(r"[0-9.]{1,64}")
PAGE = 500
"""Studies or instances asked for at once."""
LARGEST_PAGE = 2**20
OLD_PAGES = 3
"""Pages in a row that bring nothing new, after which there is taken to be no more."""
AHEAD, AT_ONCE = 64, 4
"""Studies whose instances are asked for ahead, and how many at a time."""


class Catalogue:
    """Studies and instances of a PACS; an instance is a path, ``study/series/instance`` by its UIDs."""

    def __init__(self, client: DICOMwebClient, patience: Patience, filters: Mapping[str, str]) -> None:
        """Ask nothing yet.

        Args:
            client: of the server.
            patience: with it.
            filters: what studies must match, by DICOM keyword.
        """
        self._client, self._patience, self._filters = client, patience, dict(filters)

    def iter_instances(self) -> Iterator[ArchiveObject]:
        """Yield every instance, paths ascending; what is held is the UIDs of all studies.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        held = {study: count for study, count in self._studies(HELD)}
        studies = sorted(held, key=lambda study: f"{study}/")
        for found in ask_ahead(lambda study: self._instances(study, held[study]), studies):
            yield from found

    def find(self, keyword: str, value: str) -> list[ArchiveObject]:
        """Return the instances that go by a UID or accession number; none where the server knows none.

        Args:
            keyword: ``SOPInstanceUID``, ``StudyInstanceUID`` or ``AccessionNumber``.
            value: the only one that counts: what else the server finds (it may match wildcards) is left out.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        if keyword != "AccessionNumber" and not ANY_UID.fullmatch(value):
            return []
        if keyword == "SOPInstanceUID":
            return self._instance(value)
        studies = self._studies(WAYS[keyword], HELD, more={keyword: value})
        return [one for study, told, held in sorted(studies) if told == value for one in self._instances(study, held)]

    def _studies(self, *tags: str, more: Mapping[str, str] = MappingProxyType({})) -> set[Told]:
        filters = self._filters | dict(more)

        def page(limit: int, offset: int) -> list[Found]:
            return self._client.search_for_studies(limit=limit, offset=offset, search_filters=filters)

        return self._pages(page, (STUDY, *tags))

    def _instances(self, study: str, held: str) -> list[ArchiveObject]:
        def page(limit: int, offset: int) -> list[Found]:
            return self._client.search_for_instances(study, limit=limit, offset=offset)

        found = self._pages(page, (SERIES, INSTANCE, *UPDATED), int(held) if held.isdecimal() else None)
        return sorted(_listed((study, *uids), updated) for *uids, updated in _newest(found))

    def _instance(self, uid: str) -> list[ArchiveObject]:
        def page(limit: int, offset: int) -> list[Found]:
            filters = {"SOPInstanceUID": uid}
            return self._client.search_for_instances(limit=limit, offset=offset, search_filters=filters)

        told = (_told(one, (STUDY, SERIES, INSTANCE, *UPDATED)) for one in self._page(page, PAGE, 0))  # one, or none
        found = _newest({one for one in told if one and one[2] == uid})
        return sorted(_listed(tuple(uids), updated) for *uids, updated in found)

    def _pages(self, page: Page, tags: tuple[str, ...], held: int | None = None) -> set[Told]:
        """Collect what all pages tell, up to an empty one, or to as many as the server says that it holds.

        A server may ignore the limit, the offset, or both, give fewer than asked for, or the same one twice. One that
        ignores offsets gives its first page for ever: it is asked for larger ones until it gives fewer than asked for.

        Raises:
            ArchiveError: as :meth:`_page`; or the server ignores offsets and holds more than it gives at once.
        """
        seen: set[Told] = set()
        first: set[Told] = set()
        limit, offset, old = PAGE, 0, 0
        while answer := self._page(page, limit, offset):
            told = {one for found in answer if (one := _told(found, tags))}
            if offset == 0:
                if limit > PAGE and (told <= seen or limit > LARGEST_PAGE):
                    raise ArchiveError("The server gives its first page again and again; narrow it by ?StudyDate=.")
                first = told
            old = old + 1 if told <= seen else 0
            seen |= told
            offset += len(answer)
            if held is not None and len(seen) >= held and len(answer) < limit:
                break
            if old == OLD_PAGES:
                if told != first or len(answer) != limit:
                    break
                limit, offset, old = 4 * limit, 0, 0
        return seen

    def _page(self, page: Page, limit: int, offset: int) -> list[Found]:
        def question() -> list[Found]:
            answer = page(limit, offset)
            if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
                raise ValueError("no list of DICOM JSON")
            return answer

        return self._patience.ask(lambda: _query(question))


def _query(question: Callable[[], Answer]) -> Answer:
    try:
        return asked(question)
    except requests.HTTPError as error:
        status = error.response.status_code
        raise ArchiveError(f"The server refuses to list its studies (HTTP status {status}); check the URL.") from None
    except ValueError:
        raise ArchiveError("The server's answer is not that of a DICOMweb service; check the URL.") from None


def ask_ahead(question: Callable[[str], Answer], names: Iterable[str]) -> Iterator[Answer]:
    """Yield the answers to a question about each name, in order; a few are asked at a time, and some ahead."""
    rest = iter(names)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="list") as pool:
        while ahead := list(islice(rest, AHEAD)):
            yield from pool.map(question, ahead)


def _listed(uids: Told, updated: str) -> ArchiveObject:
    """Return an instance; its time of change stands for what the server says of it, 0 for nothing."""
    path = "/".join(quote(uid, safe="") for uid in uids)
    return ArchiveObject(path, UNKNOWN_SIZE, zlib.crc32(updated.encode()) if updated else 0)


def _newest(found: set[Told]) -> Iterator[Told]:
    """Yield UIDs and the last time of update among ``UPDATED``, each instance once."""
    count = len(UPDATED)
    updated: dict[Told, str] = {}
    for one in found:
        uids = one[:-count]
        updated[uids] = max(updated.get(uids, ""), next((time for time in one[-count:] if time), ""))
    return ((*uids, time) for uids, time in updated.items())


def _told(found: Found, tags: tuple[str, ...]) -> Told | None:
    """Return what an answer tells of some attributes; None where a UID among them is missing."""
    values = tuple(_value(found.get(tag)) for tag in tags)
    named = all(value for tag, value in zip(tags, values, strict=True) if tag in (STUDY, SERIES, INSTANCE))
    return values if named else None


def _value(element: object) -> str:
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]).strip() if isinstance(values, list) and values else ""
