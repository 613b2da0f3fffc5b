"""What a PACS says that it holds (QIDO-RS, DICOM PS3.18 10.6), page by page, and how its refusals are told apart."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from dicomweb_client.api import DICOMwebClient

from harvest.errors import ArchiveError
from harvest.sources.keywords import INSTANCE, SERIES, STUDY, WAYS
from harvest.sources.patience import OutOfReachError, Patience

Answer = TypeVar("Answer")
Found = dict[str, dict[Any, Any]]
ANY_UID = re.compile(r"[0-9.]{1,64}")
PAGE = 500
"""Studies or instances asked for at once."""
AHEAD, AT_ONCE = 64, 4
"""Studies whose instances are asked for ahead, and how many at a time."""
NOT_NOW = {408, 429, 502, 503, 504}
REFUSED = {401, 403, 407}
ABSENT = {404, 410}


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

    def iter_instances(self) -> Iterator[str]:
        """Yield the path of every instance, ascending; what is held is the UIDs of all studies.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        studies = sorted((study for (study,) in self._studies()), key=lambda uid: f"{uid}/")
        for paths in ask_ahead(self._instances, studies):
            yield from paths

    def find(self, keyword: str, value: str) -> list[str]:
        """Return the paths of the instances that go by a UID or accession number; none where the server knows none.

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
        studies = self._studies(WAYS[keyword], more={keyword: value})
        return [path for study, told in sorted(studies) if told == value for path in self._instances(study)]

    def _studies(self, *tags: str, more: Mapping[str, str] = MappingProxyType({})) -> set[tuple[str, ...]]:
        filters = self._filters | dict(more)

        def page(offset: int) -> list[Found]:
            return self._client.search_for_studies(limit=PAGE, offset=offset, search_filters=filters)

        return self._pages(page, (STUDY, *tags))

    def _instances(self, study: str) -> list[str]:
        def page(offset: int) -> list[Found]:
            return self._client.search_for_instances(study, limit=PAGE, offset=offset)

        return sorted(_path(study, *uids) for uids in self._pages(page, (SERIES, INSTANCE)))

    def _instance(self, uid: str) -> list[str]:
        def page(offset: int) -> list[Found]:
            filters = {"SOPInstanceUID": uid}
            return self._client.search_for_instances(limit=PAGE, offset=offset, search_filters=filters)

        found = (_uids(one, (STUDY, SERIES, INSTANCE)) for one in self._page(page, 0))  # there is one, or none
        return sorted({_path(*uids) for uids in found if all(uids) and uids[-1] == uid})

    def _pages(self, page: Callable[[int], list[Found]], tags: tuple[str, ...]) -> set[tuple[str, ...]]:
        """Collect the UIDs of all pages.

        A server may ignore the limit, the offset, or both, or give fewer than asked for: the end is where a page
        brings nothing new.
        """
        seen: set[tuple[str, ...]] = set()
        offset = 0
        while True:
            answer = self._page(page, offset)
            new = {uids for found in answer if all(uids := _uids(found, tags))} - seen
            if not new:
                return seen
            seen |= new
            offset += len(answer)

    def _page(self, page: Callable[[int], list[Found]], offset: int) -> list[Found]:
        return self._patience.ask(lambda: self._query(lambda: page(offset)))

    def _query(self, question: Callable[[], Answer]) -> Answer:
        try:
            return asked(question)
        except requests.HTTPError as error:
            status = error.response.status_code
            raise ArchiveError(
                f"The server refuses to list its studies (HTTP status {status}); check the URL."
            ) from None
        except ValueError:
            raise ArchiveError("The server's answer is not that of a DICOMweb service; check the URL.") from None


def asked(question: Callable[[], Answer]) -> Answer:
    """Return an answer of the server; what is no answer, or not now, is told apart from a refusal.

    Raises:
        OutOfReachError: no answer, or not now.
        ArchiveError: credentials or certificate do not do.
        requests.HTTPError: another refusal.
    """
    try:
        return question()
    except requests.exceptions.SSLError:
        raise ArchiveError("The server's certificate cannot be verified; see REQUESTS_CA_BUNDLE.") from None
    except requests.HTTPError as error:
        status = error.response.status_code
        if status in REFUSED:
            raise ArchiveError(f"The server refuses the credentials (HTTP status {status}); check them.") from None
        if status in NOT_NOW:
            raise OutOfReachError(f"HTTP status {status}") from None
        raise
    except requests.exceptions.JSONDecodeError:
        raise
    except requests.RequestException as error:
        raise OutOfReachError(type(error).__name__) from None


def ask_ahead(question: Callable[[str], Answer], names: Iterable[str]) -> Iterator[Answer]:
    """Yield the answers to a question about each name, in order; a few are asked at a time, and some ahead."""
    rest = iter(names)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="list") as pool:
        while ahead := list(islice(rest, AHEAD)):
            yield from pool.map(question, ahead)


def _path(*uids: str) -> str:
    return "/".join(quote(uid, safe="") for uid in uids)


def _uids(found: Found, tags: tuple[str, ...]) -> tuple[str, ...]:
    values = (found.get(tag, {}).get("Value") or [""] for tag in tags)
    return tuple(str(value[0]).strip() for value in values)
