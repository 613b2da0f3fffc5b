"""A PACS as an archive, over DICOMweb (DICOM PS3.18): QIDO-RS lists what it holds, WADO-RS reads one instance.

An instance is named ``study/series/instance`` by its UIDs. It counts as unchanged unless the server tells when it was
changed: under one SOP instance UID there should be one content. Credentials come from the environment
(``DICOMWEB_TOKEN``, or ``DICOMWEB_USER`` and ``DICOMWEB_PASSWORD``) or the user's netrc file, and go nowhere but to the
server.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from harvest.config import Retrieval
from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.answers import ABSENT, asked
from harvest.sources.credentials import read_credentials
from harvest.sources.frames import count_frames, join_frames
from harvest.sources.multipart import BrokenAnswerError, Part, read_parts
from harvest.sources.patience import OutOfReachError, Patience
from harvest.sources.qido import Catalogue
from harvest.sources.source import UNKNOWN_SIZE, check_size, unreadable

Answer = TypeVar("Answer")
TIMEOUT_S = (10.0, 60.0)
"""To connect, and for the next bytes."""
TRIES = 3
"""Of an object for which the server answers with an error of its own, or with half an answer."""
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAMES_AS_STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
BULK = 'multipart/related; type="application/octet-stream"'

logging.getLogger("dicomweb_client").setLevel(logging.ERROR)  # it repeats what servers say, which may be anything


class DicomWebArchive:
    """The instances of a PACS.

    Attributes:
        name: of the archive.
        catalogue: what the PACS says that it holds.
        lists_everything: False where only some studies are asked for.
    """

    reads_here = True

    def __init__(
        self, url: str, name: str, patience: Patience, filters: Mapping[str, str], retrieval: Retrieval = "instance"
    ) -> None:
        """Address a server; nothing is asked of it yet.

        Args:
            url: of its DICOMweb service, ``http://`` or ``https://``.
            name: of the archive.
            patience: with the server.
            filters: what studies must match, by DICOM keyword.
            retrieval: how a film is read.
        """
        self.name = name
        self._url, self._patience = url.rstrip("/"), patience
        self.lists_everything = not filters
        self._session = requests.Session()
        self._session.auth = read_credentials()
        self._client = DICOMwebClient(self._url, session=self._session, permissive_uid=True, timeout=TIMEOUT_S)
        self._client.set_http_retry_params(retry=False)  # that is what patience is for
        self._fetch = self._whole if retrieval == "instance" else self._in_frames
        self.catalogue = Catalogue(self._client, patience, filters)

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every instance, paths ascending; what is held is the UIDs of all studies.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        return self.catalogue.iter_instances()

    def look_up(self, path: str) -> ArchiveObject:
        """Return the instance with this path; whether it is there, reading will tell."""
        return ArchiveObject(path, UNKNOWN_SIZE, 0)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the instance as a DICOM file, in the transfer syntax in which it is stored.

        Raises:
            RejectedError: absent, too large, or the server fails on it time and again.
            ArchiveError: the server refuses or is out of reach.
        """
        parts = path.split("/")
        if len(parts) != 3 or {"", ".", ".."} & set(parts):
            raise unreadable("The path is not that of an instance: study, series and instance UID.")
        try:
            data = self._fetch(parts, max_bytes)
        except BrokenAnswerError as error:
            raise unreadable(str(error)) from error
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
                lambda: asked(lambda: self._client.retrieve_instance_metadata(study, series, instance))
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
            answer = self._patience.ask(lambda: asked(lambda: self._client.store_instances([instance], study)))
        except requests.HTTPError as error:
            raise ArchiveError(
                f"The server does not take results (HTTP status {error.response.status_code}); check that it allows "
                "STOW-RS to this user."
            ) from None
        if answer.get("FailedSOPSequence"):
            raise ArchiveError("The server does not take results; its own log says why.")

    def _whole(self, uids: list[str], max_bytes: int) -> bytes:
        return self._parts(self._url_of(uids), AS_STORED, max_bytes)[0].data

    def _in_frames(self, uids: list[str], max_bytes: int) -> bytes:
        """Return a film put together from what the server tells of it and its frames."""
        study, series, instance = uids
        told = self._film_asked(lambda: self._client.retrieve_instance_metadata(study, series, instance))
        numbers = ",".join(map(str, range(1, 1 + count_frames(told))))
        pixels = self._parts(f"{self._url_of(uids)}/frames/{numbers}", FRAMES_AS_STORED, max_bytes) if numbers else []

        def read_bulk(uri: str) -> bytes | None:
            _, found, rest = uri.partition("/studies/")  # what is in front may be another server, or a proxy's own name
            return self._parts(f"{self._url}/studies/{rest}", BULK, max_bytes)[0].data if found else None

        return join_frames(told, pixels, read_bulk)

    def _url_of(self, uids: list[str]) -> str:
        return "{}/studies/{}/series/{}/instances/{}".format(self._url, *uids)

    def _parts(self, url: str, accept: str, max_bytes: int) -> list[Part]:
        def get() -> list[Part]:
            with self._session.get(url, headers={"Accept": accept}, stream=True, timeout=TIMEOUT_S) as response:
                response.raise_for_status()
                try:
                    return read_parts(response.headers.get("Content-Type", ""), response.iter_content(2**16), max_bytes)
                except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
                    raise BrokenAnswerError("The server's answer breaks off in the middle.") from None

        return self._film_asked(get)

    def _film_asked(self, question: Callable[[], Answer]) -> Answer:
        """Return an answer about one film; on which the server may fail a few times before it is given up.

        Raises:
            RejectedError: the server does not give the film.
            ArchiveError: the server refuses or is out of reach.
        """
        failed = 0

        def ask() -> Answer:
            nonlocal failed
            try:
                return asked(question)
            except (requests.HTTPError, IndexError, ValueError, BrokenAnswerError) as error:
                failed += 1
                status = error.response.status_code if isinstance(error, requests.HTTPError) else None
                why = f"HTTP status {status}" if status else "what it answers is not whole, or something else"
                if failed < TRIES and (status is None or status >= 500):
                    raise OutOfReachError(why) from None
                raise unreadable(f"The server does not give the instance: {why}.") from None

        return self._patience.ask(ask)
