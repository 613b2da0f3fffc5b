"""A directory tree as an archive: listed lazily, never followed out of its root, never blocked by a pipe."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harvest.errors import ArchiveError, Reason, RejectedError, Stage
from harvest.records import ArchiveObject
from harvest.sources.source import UNKNOWN_SIZE, check_size, unreadable

ASIDE = ".iam-harvest-receiving"
"""Folder of what a receiver has not finished: no part of any archive."""
ESCAPED_BYTE = re.compile(r"\\x([0-9a-f]{2})")


class LocalTree:
    r"""Regular files below a directory.

    Paths are listed in ascending order of the plain path string (by code point, ``/`` included), so two sorted lists
    of paths can be merged. Directories reached through symbolic links are not entered, which rules out loops; a
    symbolic link to a file counts when it resolves inside the root. A byte of a file name that is not UTF-8 is written
    as ``\xNN``. What a receiver has not finished (``ASIDE``) is not there yet.

    Attributes:
        root: absolute directory.
        name: of the archive.
        skipped: what the last complete listing passed over, by kind: ``link_outside``, ``link_to_directory``,
            ``unreachable`` (dangling or circular links), ``special_file`` (sockets, pipes, devices),
            ``unreadable_directory``.
    """

    reads_here = False

    def __init__(self, root: Path, name: str | None = None, only: str | None = None) -> None:
        self.root = root
        self.name = name or root.name or "archive"
        self.skipped: Counter[str] = Counter()
        self._only = only
        self._looked_up = ("", root)

    @property
    def lists_everything(self) -> bool:
        """False for a single file, and after a listing that could not enter a directory."""
        return self._only is None and not self.skipped["unreadable_directory"]

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every regular file once, paths ascending; of one directory per depth the names are held in memory.

        Raises:
            ArchiveError: the root cannot be listed.
        """
        self.skipped.clear()
        if self._only is None:
            yield from self._iter_directory(str(self.root), "")
            return
        status = (self.root / self._only).stat()
        yield ArchiveObject(_to_text(self._only), status.st_size, status.st_mtime_ns)

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return the whole file.

        Raises:
            RejectedError: empty, larger than ``max_bytes``, unreadable (also: a path out of the root), or its size or
                time of change moved while it was read.
        """
        try:
            return _read_regular(self._resolve(path), max_bytes)
        except (OSError, ValueError) as error:
            raise unreadable("The file cannot be read; check that it exists and its permissions.") from error

    def look_up(self, path: str) -> ArchiveObject:
        """Return the regular file at a path; one of unknown size where there is none below the root."""
        try:
            status = self._status_of(path)
        except (OSError, ValueError, RuntimeError):  # absent, out of the root, or in circles
            return ArchiveObject(path, UNKNOWN_SIZE, 0)
        return ArchiveObject(path, status.st_size if stat.S_ISREG(status.st_mode) else UNKNOWN_SIZE, status.st_mtime_ns)

    def _status_of(self, path: str) -> os.stat_result:
        """Resolve a directory once, and a file only where it is a link: a list names a million files in few places."""
        folder, _, leaf = path.rpartition("/")
        if folder != self._looked_up[0]:
            self._looked_up = folder, self._resolve(folder)
        with suppress(FileNotFoundError):
            status = (self._looked_up[1] / leaf).lstat()
            if not stat.S_ISLNK(status.st_mode):
                return status
        return self._resolve(path).stat()

    def _resolve(self, path: str) -> Path:
        literal = self.root / path
        native = literal if literal.exists() else self.root / _to_native(path)
        resolved = native.resolve()
        if not resolved.is_relative_to(self.root):
            raise ValueError("path leaves the archive")
        return resolved

    def _iter_directory(self, directory: str, prefix: str) -> Iterator[ArchiveObject]:
        for name in self._names(directory, is_root=not prefix):
            path = prefix + _to_text(name)
            if name.endswith("/"):
                yield from self._iter_directory(f"{directory}/{name[:-1]}", path)
                continue
            status = self._status(f"{directory}/{name}")
            if status is not None:
                yield ArchiveObject(path, status.st_size, status.st_mtime_ns)

    def _names(self, directory: str, *, is_root: bool) -> list[str]:
        """Return the names in a directory, those of directories with a final slash, in the order of full paths."""
        try:
            with os.scandir(directory) as entries:
                kept = (one for one in entries if one.name != ASIDE)
                names = [one.name + ("/" if _is_directory(one) else "") for one in kept]
        except OSError as error:
            if is_root:
                raise ArchiveError(f"The archive {directory!r} cannot be listed: {error.strerror}.") from error
            self.skipped["unreadable_directory"] += 1
            return []
        return sorted(names, key=_to_text)

    def _status(self, path: str) -> os.stat_result | None:
        """Return the status of a regular file; None, counted, for anything else."""
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                if not Path(path).resolve().is_relative_to(self.root):
                    self.skipped["link_outside"] += 1
                    return None
                status = os.stat(path)  # noqa: PTH116  # a million of these
        except (OSError, RuntimeError):  # dangling, circular, or gone since it was listed
            self.skipped["unreachable"] += 1
            return None
        if stat.S_ISREG(status.st_mode):
            return status
        self.skipped["link_to_directory" if stat.S_ISDIR(status.st_mode) else "special_file"] += 1
        return None


def _read_regular(path: Path, max_bytes: int) -> bytes:
    # O_NONBLOCK: opening a pipe that took the file's place must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise OSError("not a regular file")
        check_size(before.st_size, max_bytes)
        data = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    if len(data) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise RejectedError(Reason.FILE_CHANGED, Stage.READ, "The file changed while it was read; run again later.")
    return data


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _to_text(name: str) -> str:
    r"""Return a name that is valid Unicode: a byte that is not UTF-8 becomes ``\xNN``."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def _to_native(path: str) -> str:
    """Undo :func:`_to_text`."""
    return ESCAPED_BYTE.sub(lambda match: os.fsdecode(bytes([int(match.group(1), 16)])), path)
