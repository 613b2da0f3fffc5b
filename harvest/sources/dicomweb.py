"""A PACS as an archive, over DICOMweb (DICOM PS3.18): QIDO-RS lists what it holds, WADO-RS reads one instance whole.

An instance is named ``study/series/instance`` by its UIDs, and does not change: under one SOP instance UID there is one
content. Credentials come from the environment (``DICOMWEB_TOKEN``, or ``DICOMWEB_USER`` and ``DICOMWEB_PASSWORD``) or
from the user's netrc file, and go nowhere but to the server.
"""

import logging
from collections.abc import Iterator, Mapping

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.credentials import read_credentials
from harvest.sources.multipart import read_part
from harvest.sources.patience import OutOfReachError, Patience
from harvest.sources.qido import ABSENT, Catalogue, asked
from harvest.sources.source import UNKNOWN_SIZE, check_size, unreadable

TIMEOUT_S = (10.0, 60.0)
"""To connect, and for the next bytes."""
TRIES = 3
"""Of an object for which the server answers with an error of its own."""
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'

logging.getLogger("dicomweb_client").setLevel(logging.ERROR)  # it repeats what servers say, which may be anything


class DicomWebArchive:
    """The instances of a PACS.

    Attributes:
        name: of the archive.
        catalogue: what the PACS says that it holds.
        lists_everything: False where only some studies are asked for.
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
        self._url, self._patience = url.rstrip("/"), patience
        self.lists_everything = not filters
        self._session = requests.Session()
        self._session.auth = read_credentials()
        self._client = DICOMwebClient(self._url, session=self._session, permissive_uid=True, timeout=TIMEOUT_S)
        self._client.set_http_retry_params(retry=False)  # that is what patience is for
        self.catalogue = Catalogue(self._client, patience, filters)

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every instance, paths ascending; what is held is the UIDs of all studies.

        Raises:
            ArchiveError: the server refuses, is no DICOMweb server, or is out of reach.
        """
        return (self.look_up(path) for path in self.catalogue.iter_instances())

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
                return asked(lambda: self._get(url, max_bytes))
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

    def _get(self, url: str, max_bytes: int) -> bytes:
        with self._session.get(url, headers={"Accept": AS_STORED}, stream=True, timeout=TIMEOUT_S) as response:
            response.raise_for_status()
            return read_part(response.headers.get("Content-Type", ""), response.iter_content(2**16), max_bytes)
