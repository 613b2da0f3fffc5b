"""Files of a lake into a bucket and back: under names that say what is in them, checked on their way back."""

import hashlib
import os
import secrets
from pathlib import Path, PurePosixPath

from harvest.bucket.log import OBJECTS, Entry
from harvest.bucket.seal import Seal
from harvest.bucket.store import Bucket
from harvest.errors import LakeError
from harvest.files import TEMPORARY, replace_durably

PRIVATE = "private/"
SEALED = ".sealed"
HERE = ("private/site.key", "private/writer.")
"""How paths begin that never leave this machine."""
SHOWN_DIGITS = 16
"""Of the digest, in an object's name."""


def local_files(root: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file that belongs into the bucket, by path."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(TEMPORARY)]
        for name in names:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if not name.startswith(".") and not relative.startswith(HERE):
                status = path.stat()
                found[relative] = status.st_size, status.st_mtime_ns
    return found


def upload(bucket: Bucket, root: Path, path: str, seal: Seal) -> Entry:
    """Put a file, sealed where it is private."""
    source = root / path
    status = source.stat()
    sealed = seal.close(path, source.read_bytes()) if path.startswith(PRIVATE) else None
    digest = _digest(source) if sealed is None else hashlib.sha256(sealed).hexdigest()
    name = _object_name(path, digest)
    bucket.put(name, source if sealed is None else sealed)
    return Entry(name, digest, status.st_size, status.st_mtime_ns)


def download(bucket: Bucket, entry: Entry, target: Path, opened: tuple[Seal, str] | None = None) -> None:
    """Write an object into a file, which appears whole and with its own time of change.

    Args:
        bucket: holds it.
        entry: as committed.
        target: the file.
        opened: for a private one the seal and its path.

    Raises:
        LakeError: it is not there, or not what was put.
    """
    _make_folder(target.parent)
    temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{target.name}")  # two may fetch it at once
    if not bucket.fetch(entry.object, temporary):
        raise LakeError(
            f"{entry.object} of the lake at {bucket.url!r} is gone: it was superseded meanwhile. Give the same command "
            "again."
        )
    if _digest(temporary) != entry.sha256:
        raise LakeError(f"{entry.object} of the lake at {bucket.url!r} is damaged: it is not what was put there.")
    if opened:
        seal, path = opened
        temporary.write_bytes(seal.open(path, temporary.read_bytes()))
    os.utime(temporary, ns=(entry.mtime_ns, entry.mtime_ns))
    replace_durably(temporary, target)


def _make_folder(folder: Path) -> None:
    for one in (*reversed(folder.parents), folder):
        if not one.exists():
            one.mkdir(mode=0o700 if one.name == "private" else 0o777, exist_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _object_name(path: str, digest: str) -> str:
    place = PurePosixPath(path)
    named = place.with_name(f"{place.stem}.{digest[:SHOWN_DIGITS]}{place.suffix}")
    return f"{OBJECTS}{named}{SEALED if path.startswith(PRIVATE) else ''}"
