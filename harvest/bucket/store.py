"""The objects of a lake in a bucket, put and read through obstore.

Credentials, region and endpoint come from the environment, as for archives (:mod:`harvest.sources.object_store`).
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from obstore import exceptions
from obstore.store import from_url

from harvest.errors import LakeError
from harvest.sources.object_store import ABSENT, CREDENTIALS, FOR_GOOD, REFUSED

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult, UpdateVersion
    from obstore.store import ObjectStore, RetryConfig

Answer = TypeVar("Answer")
PATIENCE_S = 300.0
"""How long a store may be out of reach before a run gives up; one that never answered is given up sooner."""
UNKNOWN_STORE_S = 20.0
LONGEST_PAUSE_S = 15.0
PIECE = 16 * 2**20
"""Bytes asked for at a time."""
PARALLEL = 8
"""Requests at a time."""
CONFLICTS = 5
"""Times that a create is tried again which the store neither did nor refused because there is an object."""


class Bucket:
    """What is below a prefix of a bucket.

    Attributes:
        url: its address.
        reachable: whether it answered the last question.
    """

    def __init__(self, url: str) -> None:
        """Address a bucket; nothing is asked of it yet.

        Raises:
            LakeError: the address or what the environment says of it cannot be used.
        """
        self.url = url
        self._store = self._open(min(PATIENCE_S, UNKNOWN_STORE_S))
        self._answered = False
        self.reachable = True

    def get(self, name: str) -> bytes | None:
        """Return an object; None where there is none."""
        try:
            return self._asked(lambda: bytes(self._store.get(name).bytes()))
        except ABSENT:
            return None

    def get_with_meta(self, name: str) -> "tuple[bytes, ObjectMeta] | None":
        """Return an object and what the store says of it; None where there is none."""

        def both() -> "tuple[bytes, ObjectMeta]":
            answer = self._store.get(name)
            return bytes(answer.bytes()), answer.meta

        try:
            return self._asked(both)
        except ABSENT:
            return None

    def fetch(self, name: str, target: Path) -> bool:
        """Write an object into a file, a piece at a time, each with its own patience; False where there is none."""
        try:
            size = self._asked(lambda: self._store.head(name)["size"])
            with target.open("wb") as file:
                for start in range(0, size, PIECE):
                    piece = partial(self._store.get_range, name, start=start, end=min(size, start + PIECE))
                    file.write(self._asked(piece))
        except ABSENT:
            return False
        return True

    def put(self, name: str, content: bytes | Path) -> None:
        """Put an object whose name says what is in it, so that it may be there already."""
        try:
            self._asked(lambda: self._store.put(name, content))
        except ABSENT:
            raise self._no_bucket() from None

    def put_new(self, name: str, content: bytes) -> "UpdateVersion | None":
        """Put an object where there is none; return its version, or None where there is one: of two who try, one does.

        Raises:
            LakeError: the store neither did nor refused it.
        """
        for _ in range(CONFLICTS):
            try:
                return self._put(name, content, "create")
            except exceptions.AlreadyExistsError:
                if self.get(name) is not None:
                    return None  # else it was a conflict of requests (409), after which nothing is there
            except ABSENT:
                raise self._no_bucket() from None
        raise LakeError(f"{self.url!r} did not take {name} in {CONFLICTS} attempts; give the same command again.")

    def replace(self, name: str, content: bytes, version: "UpdateVersion") -> "UpdateVersion | None":
        """Put an object in the place of one version of it; None where that is not there any more."""
        try:
            return self._put(name, content, version)
        except (exceptions.PreconditionError, *ABSENT):
            return None

    def listing(self, folder: str, after: str | None = None) -> "Iterator[ObjectMeta]":
        """Yield what lies in a folder, names ascending; only what comes after a name, if one is given."""
        pages = self._store.list(prefix=folder, offset=after)
        while page := self._asked(lambda: next(pages, ())):
            yield from page

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, as far as they are there."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(self._remove, names))

    def _put(self, name: str, content: bytes, mode: "PutMode") -> "UpdateVersion":
        put = self._asked(lambda: self._store.put(name, content, mode=mode, use_multipart=False))
        return version_of(put)

    def _remove(self, name: str) -> None:
        with suppress(*ABSENT):
            self._asked(lambda: self._store.delete(name))

    def _open(self, patience: float) -> "ObjectStore":
        pause = timedelta(seconds=LONGEST_PAUSE_S)
        retries: RetryConfig = {
            "max_retries": 10**6,
            "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": pause, "base": 2},
            "retry_timeout": timedelta(seconds=patience),
        }
        try:
            return from_url(self.url, retry_config=retries)
        except (exceptions.BaseError, ValueError) as error:
            raise LakeError(
                f"{self.url!r} cannot be used ({type(error).__name__}); check it and the settings of its provider in "
                "the environment."
            ) from None

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """Return an answer of the store; its errors, whose text may hold what a log must not, are told anew."""
        try:
            answer = question()
        except REFUSED:
            raise LakeError(f"{self.url!r} {CREDENTIALS}") from None
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError, *ABSENT):
            raise
        except exceptions.BaseError as error:
            raise self._failure(error) from None
        self.reachable = True
        if not self._answered:
            self._answered, self._store = True, self._open(PATIENCE_S)
        return answer

    def _failure(self, error: exceptions.BaseError) -> LakeError:
        refusal = FOR_GOOD.search(str(error))
        if refusal and refusal[1] in ("401", "403"):
            return LakeError(f"{self.url!r} {CREDENTIALS}")
        if refusal and refusal[1] == "404":
            return self._no_bucket()
        if refusal:
            return LakeError(
                f"The store of {self.url!r} refused a request (HTTP status {refusal[1]}); check its address."
            )
        self.reachable = False
        return LakeError(
            f"The lake at {self.url!r} is out of reach ({type(error).__name__}); nothing is lost: check it, then give "
            "the same command again."
        )

    def _no_bucket(self) -> LakeError:
        return LakeError(f"There is no bucket or container at {self.url!r}; check its name.")


def version_of(told: "ObjectMeta | PutResult") -> "UpdateVersion":
    """Return by what a store tells this version of an object from others."""
    version: UpdateVersion = {}
    if told["e_tag"] is not None:
        version["e_tag"] = told["e_tag"]
    if told["version"] is not None:
        version["version"] = told["version"]
    return version
