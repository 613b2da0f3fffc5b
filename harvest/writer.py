"""Who writes to a lake: one process at a time, known by name, with a sign of life. Readers never ask.

The lock is a lease of ``filelock``: a file that names host, process and the process's start (which includes the boot),
refreshed by a thread. A writer that died on this machine is replaced at once; one on another machine, which nobody here
can ask, when its file was not refreshed for ``LEASE_S`` seconds of this process's own clock, so that clocks that differ
or jump break no living lock. A writer that was replaced all the same (it was suspended) finds out before it commits.
"""

import getpass
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from harvest.errors import LakeLockedError
from harvest.stages import duration

LEASE_S = 60.0
"""Silence after which a writer on another machine counts as gone; it gives a sign of life three times as often."""
AT_ONCE_S = 1.0
"""Enough to replace a writer whose process is known to be gone."""


class WriterLock:
    """The right to write to a lake. From :func:`only_writer`."""

    def __init__(self, folder: Path) -> None:
        self._lease = SoftFileLease(folder / "writer.lock", lease_duration=LEASE_S, thread_local=False)
        self._card = folder / "writer.json"

    def take(self) -> None:
        """Take the lock.

        Raises:
            LakeLockedError: another process holds it; the message says which.
            OSError: the folder cannot be written.
        """
        try:
            self._lease.acquire(timeout=self._patience(), poll_interval=0.05)
        except (Timeout, LeaseSettingsMismatch):
            raise LakeLockedError(f"{self._holder()} writes to this lake. {self._advice()}") from None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        card = {"user": user_name(), "host": platform.node(), "pid": os.getpid(), "started_at": started}
        self._card.write_text(json.dumps(card), encoding="utf-8")

    def release(self) -> None:
        """Give the lock back."""
        if self._held:
            self._card.unlink(missing_ok=True)
        self._lease.release()

    def confirm(self) -> None:
        """Make sure that this process still is the writer.

        Raises:
            LakeLockedError: it was silent for so long that another one took over.
        """
        if not self._held:
            raise LakeLockedError(
                f"This process was silent for more than {duration(LEASE_S)}, and another one became the writer of this "
                "lake; nothing more was written. Give the same command again when that one has ended."
            )

    @property
    def _held(self) -> bool:
        owner = self._lease.owner
        return owner is not None and owner.token is not None and owner.token == self._lease.token

    @property
    def _elsewhere(self) -> bool:
        """Whether the holder's process cannot be asked from here."""
        owner = self._lease.owner
        return owner is not None and owner.hostname.partition("?")[0] != platform.node()

    def _patience(self) -> float:
        """Seconds to watch a holder: long enough to see that one on another machine is gone, where it looks so."""
        silent = self._silence()
        looks_gone = silent is not None and abs(silent) > LEASE_S
        return 1.5 * LEASE_S if looks_gone and self._elsewhere else AT_ONCE_S

    def _silence(self) -> float | None:
        """Seconds since the holder's last sign of life, by the clocks of two machines; None: there is none."""
        try:
            return time.time() - Path(self._lease.lock_file).stat().st_mtime
        except OSError:
            return None

    def _holder(self) -> str:
        owner, card = self._lease.owner, self._read_card()
        if owner is None or card.get("pid") != owner.pid:
            return f"Process {owner.pid} on {owner.hostname}" if owner else "Another process, which has just started,"
        return describe_writer(card, self._silence() or 0.0)

    def _advice(self) -> str:
        if self._elsewhere:
            return f"Wait for it to end; if that machine is gone, try again in {duration(LEASE_S)}."
        return "Wait for it to end, or end it; nothing is lost either way."

    def _read_card(self) -> dict[str, Any]:
        try:
            card: dict[str, Any] = json.loads(self._card.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return card


@contextmanager
def only_writer(folder: Path) -> Iterator[WriterLock]:
    """Hold the lock whose files lie in ``folder``.

    Raises:
        LakeLockedError: another process holds it.
        OSError: the folder cannot be written.
    """
    lock = WriterLock(folder)
    lock.take()
    try:
        yield lock
    finally:
        lock.release()


def describe_writer(card: dict[str, Any], silent_s: float) -> str:
    """Name a writer by its card: process, user, machine, and since when."""
    held = (datetime.now(UTC) - datetime.fromisoformat(card["started_at"])).total_seconds()
    since = f"for {duration(held)}, last sign of life {duration(max(0.0, silent_s))} ago"
    return f"Process {card['pid']} of {card['user']} on {card['host']} ({since})"


def user_name() -> str:
    """Return who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"user {os.getuid()}"
