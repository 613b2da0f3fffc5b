"""A bucket, or what is below a prefix of it, as an archive: ``s3://``, ``az://``, ``gs://``.

Credentials, region and endpoint come from the environment, by the names that the providers' own tools use
(``AWS_ACCESS_KEY_ID``, ``AZURE_STORAGE_ACCOUNT_NAME``, ``GOOGLE_APPLICATION_CREDENTIALS`` ...), and go nowhere else.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from obstore import exceptions
from obstore.store import from_url

from harvest.errors import ArchiveError
from harvest.records import ArchiveObject
from harvest.sources.patience import OutOfReachError, Patience
from harvest.sources.source import UNKNOWN_SIZE, check_size, stamp, unreadable

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import RetryConfig

Answer = TypeVar("Answer")

PAGE = 1000
QUICK_RETRIES = 3
"""Inside one question; what takes longer is :class:`Patience`'s to wait for."""
REFUSED = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)
ABSENT = (exceptions.NotFoundError, FileNotFoundError)
FOR_GOOD = re.compile(r"status code: (4(?!08|29)\d\d)")
"""Of an error that has no kind of its own: a refusal that waiting does not change, as of a bucket that is not there."""
CREDENTIALS = "may not be read with the credentials in the environment; check them."


class BucketArchive:
    """The objects below a prefix, in the order of their keys.

    Attributes:
        name: of the archive.
    """

    lists_everything = True
    reads_here = True

    def __init__(self, url: str, name: str, patience: Patience) -> None:
        """Address a bucket; nothing is asked of it yet.

        Raises:
            ArchiveError: the address or what the environment says of it cannot be used.
        """
        self.name = name
        self._url, self._patience = url, patience
        retries: RetryConfig = {"max_retries": QUICK_RETRIES, "retry_timeout": timedelta(seconds=10)}
        try:
            self._store = from_url(url, retry_config=retries)
        except (exceptions.BaseError, ValueError) as error:
            raise ArchiveError(
                f"{url!r} cannot be used ({type(error).__name__}); check it and the settings of its provider in the "
                "environment."
            ) from None

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every object, keys ascending, a page at a time; interrupted, it goes on behind the last page.

        Raises:
            ArchiveError: the bucket does not exist, may not be listed, or is out of reach.
        """
        last: str | None = None
        pages: Iterator[Sequence[ObjectMeta]] | None = None

        def next_page() -> "Sequence[ObjectMeta]":
            nonlocal pages
            pages = under_way = pages or self._store.list(offset=last, chunk_size=PAGE)
            try:
                return self._asked(lambda: next(under_way, ()))
            except OutOfReachError:
                pages = None
                raise

        while page := self._patience.ask(next_page):
            yield from (_listed(one) for one in page)
            last = page[-1]["path"]

    def look_up(self, path: str) -> ArchiveObject:
        """Return the object with a key; one of unknown size where there is none."""
        try:
            return _listed(self._patience.ask(lambda: self._asked(lambda: self._store.head(path))))
        except ABSENT:
            return ArchiveObject(path, UNKNOWN_SIZE, 0)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole object.

        Raises:
            RejectedError: absent, empty or too large.
            ArchiveError: it may not be read, or the bucket is out of reach.
        """
        try:
            return self._patience.ask(lambda: self._asked(lambda: self._read(path, max_bytes)))
        except ABSENT as error:
            raise unreadable("The bucket holds no such object; run again, so that it is listed anew.") from error

    def _read(self, path: str, max_bytes: int) -> bytes:
        answer = self._store.get(path)
        check_size(answer.meta["size"], max_bytes)
        return bytes(answer.bytes())

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """Return an answer of the store; its errors, whose text may hold what a log must not, are told anew.

        Raises:
            OutOfReachError: it did not answer, or not now.
            ArchiveError: it refused.
        """
        try:
            return question()
        except REFUSED:
            raise ArchiveError(f"{self._url!r} {CREDENTIALS}") from None
        except ABSENT:
            raise
        except exceptions.BaseError as error:
            if refusal := FOR_GOOD.search(str(error)):
                if refusal[1] in ("401", "403"):
                    raise ArchiveError(f"{self._url!r} {CREDENTIALS}") from None
                raise ArchiveError(f"There is no bucket or container at {self._url!r}; check its name.") from None
            raise OutOfReachError(type(error).__name__) from None


def _listed(one: "ObjectMeta") -> ArchiveObject:
    return ArchiveObject(one["path"], one["size"], stamp(one["last_modified"], one["e_tag"] or ""))
