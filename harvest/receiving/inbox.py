"""A folder in which films land, each whole or not at all, whatever happens to the process, the disk or the sender.

A film is written aside, synced, and given its name in one step; only then is its arrival true. Its name is a digest of
its SOP instance UID, so that an instance sent twice lies there once and the name tells nothing of a patient.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal

from filelock import FileLock, Timeout

from harvest.errors import ReceiverError
from harvest.files import replace_durably, sync
from harvest.sources.local import ASIDE

Landing = Literal["new", "again", "changed"]
"""What a film was to the inbox: unknown; there already, equal to the last byte; there with another content."""
UNFINISHED = "film-"


class Inbox:
    """An inbox of which this process is the only receiver. From :func:`open_inbox`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def land(self, sop_instance_uid: str, film: bytes) -> Landing:
        """Keep a film; it is on the disk when this returns, and what lay there before is untouched when it raises.

        Raises:
            OSError: it cannot be written: no room, no right, a broken disk.
        """
        digest = hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:32]
        path = self._folder / digest[:2] / f"{digest}.dcm"
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync(self._folder)
        known = path.exists()
        if known and path.stat().st_size == len(film) and path.read_bytes() == film:
            sync(path.parent)  # its name may be as young as a sender that gave up waiting
            return "again"
        self._replace(path, film)
        return "changed" if known else "new"

    def _replace(self, path: Path, film: bytes) -> None:
        with NamedTemporaryFile(dir=self._folder / ASIDE, prefix=UNFINISHED, delete=False) as file:
            aside = Path(file.name)
            try:
                file.write(film)
                file.close()
                replace_durably(aside, path)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise


@contextmanager
def open_inbox(folder: Path) -> Iterator[Inbox]:
    """Open an inbox, made where there is none, and remove what a killed receiver left unfinished.

    Raises:
        ReceiverError: it cannot be written, or another process receives into it.
    """
    aside = folder / ASIDE
    lock = FileLock(aside / "lock")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside.mkdir(mode=0o700, exist_ok=True)
        lock.acquire(timeout=0)
        for path in aside.glob(f"{UNFINISHED}*"):
            path.unlink()
    except Timeout:
        raise ReceiverError(f"Another process receives into {folder}; end it, or give another inbox.") from None
    except OSError as error:
        raise ReceiverError(f"Cannot write to the inbox {folder}: {error.strerror}; check its permissions.") from error
    try:
        yield Inbox(folder)
    finally:
        lock.release()
