"""Who writes to a lake in a bucket: a card there, with a sign of life, that tells others before they begin in vain.

What keeps two writers apart is the log (:mod:`harvest.bucket.log`): of two who commit, one is refused, whatever the
cards say. So a card may be taken over from a writer that looks gone. One on the same machine is gone if the lock of its
working folder could be taken; one elsewhere, if the card did not change for ``1.5 * LEASE_S`` seconds of this process's
own clock.
"""

import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harvest.bucket.store import Bucket, version_of
from harvest.errors import LakeError, LakeLockedError
from harvest.stages import duration
from harvest.writer import describe_writer, user_name

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion

CARD = "writer.json"
LEASE_S = 60.0
"""Silence after which a writer looks gone; it gives a sign of life three times as often."""


class Lease:
    """The right to write, as far as others respect it."""

    def __init__(self, bucket: Bucket, mark: str) -> None:
        """Prepare a card.

        Args:
            bucket: holds the lake.
            mark: of the folder of this machine in which the writer works, whose lock it holds.
        """
        self._bucket, self._mark, self._token = bucket, mark, secrets.token_hex(8)
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._version: UpdateVersion | None = None
        self._ended = threading.Event()

    @contextmanager
    def held(self) -> Iterator["Lease"]:
        """Take the card, give signs of life, and give it back.

        Raises:
            LakeLockedError: another machine writes.
        """
        self._take()
        breathing = threading.Thread(target=self._breathe, name="lease", daemon=True)
        breathing.start()
        try:
            yield self
        finally:
            self._ended.set()
            breathing.join(1.0)
            if self._version is not None and self._bucket.reachable:
                with suppress(LakeError):
                    self._bucket.remove([CARD])

    def confirm(self) -> None:
        """Make sure that nobody took the card over.

        Raises:
            LakeLockedError: this process was silent for so long that another one did.
        """
        if self._version is None:
            raise LakeLockedError(
                f"This process was silent for more than {duration(LEASE_S)}, and another one became the writer of "
                f"{self._bucket.url!r}; nothing more was written. Give the same command again when that one has ended."
            )

    def _take(self) -> None:
        self._version = self._bucket.put_new(CARD, self._card())
        while self._version is None:
            found = self._bucket.get_with_meta(CARD)
            if found is None:
                self._version = self._bucket.put_new(CARD, self._card())
                continue
            card: dict[str, Any] = json.loads(found[0])
            if card["mark"] != self._mark and not self._looks_gone(found[1]):
                raise LakeLockedError(
                    f"{describe_writer(card, _age(found[1]))} writes to {self._bucket.url!r}. Wait for it to end; if "
                    f"that machine is gone, try again in {duration(LEASE_S)}."
                )
            self._version = self._bucket.replace(CARD, self._card(), version_of(found[1]))

    def _looks_gone(self, seen: "ObjectMeta") -> bool:
        """Watch a card that was silent by the clocks of two machines, until that is sure by one."""
        if abs(_age(seen)) < LEASE_S:
            return False
        end = time.monotonic() + 1.5 * LEASE_S
        while time.monotonic() < end:
            time.sleep(LEASE_S / 10)
            now = self._bucket.get_with_meta(CARD)
            if now is not None and now[1]["e_tag"] != seen["e_tag"]:
                return False
        return True

    def _breathe(self) -> None:
        while self._version is not None and not self._ended.wait(LEASE_S / 3):
            with suppress(LakeError):  # out of reach: the next commit will tell
                self._version = self._bucket.replace(CARD, self._card(), self._version) or self._still_mine()

    def _still_mine(self) -> "UpdateVersion | None":
        """Return the card's version if it is this writer's after all: an answer may get lost."""
        found = self._bucket.get_with_meta(CARD)
        return version_of(found[1]) if found and json.loads(found[0])["token"] == self._token else None

    def _card(self) -> bytes:
        """Return the card; no two are equal, so that each changes the ETag."""
        who = {"user": user_name(), "host": platform.node(), "pid": os.getpid(), "started_at": self._started}
        return json.dumps(who | {"mark": self._mark, "token": self._token, "breath": secrets.token_hex(4)}).encode()


def breathes_elsewhere(bucket: Bucket, mark: str) -> bool:
    """Tell whether a writer on another machine gave a sign of life of late, by the clocks of two machines."""
    found = bucket.get_with_meta(CARD)
    return found is not None and json.loads(found[0])["mark"] != mark and abs(_age(found[1])) < LEASE_S


def _age(meta: "ObjectMeta") -> float:
    return (datetime.now(UTC) - meta["last_modified"]).total_seconds()
