"""A PACS as an archive, over DICOMweb (DICOM PS3.18): QIDO-RS lists what it holds, WADO-RS reads one instance whole.

An instance is named ``study/series/instance`` by its UIDs, and does not change: under one SOP instance UID there is one
content. Credentials come from the environment (``DICOMWEB_TOKEN``, or ``DICOMWEB_USER`` and ``DICOMWEB_PASSWORD``) or
from the user's netrc file, and go nowhere but to the server.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.multipart import read_part
from harvest.sources.patience import OutOfReachError, Patience
from harvest.sources.source import UNKNOWN_SIZE, check_size, unreadable

Answer = TypeVar("Answer")
Found = dict[str, dict[Any, Any]]
STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"
PAGE = 500
"""Studies or instances asked for at once."""
AHEAD, AT_ONCE = 64, 4
"""Studies whose instances are asked for ahead, and how many at a time."""
TIMEOUT_S = (10.0, 60.0)
"""To connect, and for the next bytes."""
NOT_NOW = {408, 429, 502, 503, 504}
REFUSED = {401, 403, 407}
ABSENT = {404, 410}
TRIES = 3
"""Of an object for which the server answers with an error of its own."""
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'

logging.getLogger("dicomweb_client").setLevel(logging.ERROR)  # it repeats what servers say, which may be anything


class DicomWebArchive:
    """The instances of a PACS.

    Attributes:
        name: of the archive.
    """

    reads_here = True

    def __init__(self, url: str, name: str, patience: Patience, filters: Mapping[str, str]) -> None:
        """Address a server; nothing is asked of it yet.

        Args:
            url: of its DICOMweb service, ``http://`` or ``https://``.
            name: of the archive.
            patience: with the server.
            filters: what studies must match, by DICOM keyword.
        """
        self.name = name
        self._url, self._patience, self._filters = url.rstrip("/"), patience, dict(filters)
        self._session = requests.Session()
        self._session.auth = _credentials()
        self._client = DICOMwebClient(self._url, session=self._session, permissive_uid=True, timeout=TIMEOUT_S)
        self._client.set_http_retry_params(retry=False)  # that is what patience is for

    @property
    def lists_everything(self) -> bool:
        """False where only some studies are asked for."""
        return not self._filters

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every instance, paths ascending; what is held is the UIDs of all studies.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        studies = iter(sorted(self._studies(), key=lambda uid: f"{uid}/"))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="list") as pool:
            while ahead := list(islice(studies, AHEAD)):
                for paths in pool.map(self._instances, ahead):
                    yield from (ArchiveObject(path, UNKNOWN_SIZE, 0) for path in paths)

    def look_up(self, path: str) -> ArchiveObject:
        """Return the instance with this path; whether it is there, reading will tell."""
        return ArchiveObject(path, UNKNOWN_SIZE, 0)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole instance, in the transfer syntax in which it is stored.

        Raises:
            RejectedError: absent, too large, or the server fails on it time and again.
            ArchiveError: the server refuses or is out of reach.
        """
        parts = path.split("/")
        if len(parts) != 3 or {"", ".", ".."} & set(parts):
            raise unreadable("The path is not that of an instance: study, series and instance UID.")
        url = "{}/studies/{}/series/{}/instances/{}".format(self._url, *parts)
        failed = 0

        def read() -> bytes:
            nonlocal failed
            try:
                return self._asked(lambda: self._get(url, max_bytes))
            except requests.HTTPError as error:
                failed += 1
                if error.response.status_code >= 500 and failed < TRIES:
                    raise OutOfReachError(f"HTTP status {error.response.status_code}") from None
                raise unreadable(
                    f"The server does not give the instance: HTTP status {error.response.status_code}."
                ) from None

        data = self._patience.ask(read)
        check_size(len(data), max_bytes)
        return data

    def read_header(self, path: str) -> Dataset | None:
        """Return what the server tells of an instance (all but its pixels); None where it does not hold it.

        Raises:
            ArchiveError: the server refuses or is out of reach.
        """
        study, series, instance = path.split("/")
        try:
            answer = self._patience.ask(
                lambda: self._asked(lambda: self._client.retrieve_instance_metadata(study, series, instance))
            )
        except requests.HTTPError as error:
            status = error.response.status_code
            if status in ABSENT:
                return None
            raise ArchiveError(f"The server does not tell of a film (HTTP status {status}); see its log.") from None
        return Dataset.from_json(answer, bulk_data_uri_handler=lambda uri: None)  # pixels stay where they are

    def store(self, instance: Dataset) -> None:
        """Store an instance under its study (STOW-RS); storing it again changes nothing.

        Raises:
            ArchiveError: the server does not take it, refuses, or is out of reach.
        """
        study = instance.StudyInstanceUID
        try:
            answer = self._patience.ask(lambda: self._asked(lambda: self._client.store_instances([instance], study)))
        except requests.HTTPError as error:
            raise ArchiveError(
                f"The server does not take results (HTTP status {error.response.status_code}); check that it allows "
                "STOW-RS to this user."
            ) from None
        if answer.get("FailedSOPSequence"):
            raise ArchiveError("The server does not take results; its own log says why.")

    def _get(self, url: str, max_bytes: int) -> bytes:
        with self._session.get(url, headers={"Accept": AS_STORED}, stream=True, timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            return read_part(response.headers.get("Content-Type", ""), response.iter_content(2**16), max_bytes)

    def _studies(self) -> set[str]:
        def page(offset: int) -> list[Found]:
            return self._client.search_for_studies(limit=PAGE, offset=offset, search_filters=self._filters)

        return {study for study, *_ in self._pages(page, (STUDY,))}

    def _instances(self, study: str) -> list[str]:
        def page(offset: int) -> list[Found]:
            return self._client.search_for_instances(study, limit=PAGE, offset=offset)

        found = self._pages(page, (SERIES, INSTANCE))
        return sorted("/".join(quote(uid, safe="") for uid in (study, *uids)) for uids in found)

    def _pages(self, page: Callable[[int], list[Found]], tags: tuple[str, ...]) -> set[tuple[str, ...]]:
        """Collect the UIDs of all pages.

        A server may ignore the limit, the offset, or both, or give fewer than asked for: the end is where a page
        brings nothing new.
        """
        seen: set[tuple[str, ...]] = set()
        offset = 0
        while True:
            answer = self._patience.ask(lambda: self._query(lambda: page(offset)))  # noqa: B023  # asked at once
            new = {uids for found in answer if all(uids := tuple(_uid(found, tag) for tag in tags))} - seen
            if not new:
                return seen
            seen |= new
            offset += len(answer)

    def _query(self, question: Callable[[], Answer]) -> Answer:
        try:
            return self._asked(question)
        except requests.HTTPError as error:
            status = error.response.status_code
            raise ArchiveError(
                f"The server refuses to list its studies (HTTP status {status}); check the URL."
            ) from None
        except ValueError:
            raise ArchiveError("The server's answer is not that of a DICOMweb service; check the URL.") from None

    def _asked(self, question: Callable[[], Answer]) -> Answer:
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


def _credentials() -> Callable[[requests.PreparedRequest], requests.PreparedRequest] | tuple[str, str] | None:
    """Return what the environment holds; without it, requests looks into the netrc file."""
    if token := os.environ.get("DICOMWEB_TOKEN"):

        def bear(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        return bear
    user = os.environ.get("DICOMWEB_USER")
    return (user, os.environ.get("DICOMWEB_PASSWORD", "")) if user else None


def _uid(found: Found, tag: str) -> str:
    values = found.get(tag, {}).get("Value") or [""]
    return str(values[0])
