"""What readers of a lake in a bucket see: a folder of the state after the last run that ended, which never changes.

A state is made of hard links to objects that were fetched once, so that the next one costs only what is new. Its
private part is there where this machine has the site key.
"""

import os
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from harvest.bucket.home import Home, home_of_address
from harvest.bucket.keys import keep_key, known_key, require_lake_key
from harvest.bucket.log import State, read_head, read_published
from harvest.bucket.seal import Seal
from harvest.bucket.store import PARALLEL, Bucket
from harvest.bucket.transfer import PRIVATE, download
from harvest.errors import LakeError

KEPT_S = 86400.0
"""How long a state stays that nobody asks for any more; commands may still read it."""


def read_state(url: str, only: Iterable[str] = ()) -> Path:
    """Return the folder of a lake as the last run that ended has left it.

    Args:
        url: address of the lake.
        only: files that are wanted; by default all.

    Raises:
        LakeError: there is no lake, no run of it has ended, or the bucket cannot be read.
        SettingsError: this machine has another site key than the lake's.
    """
    home = home_of_address(url)
    bucket = Bucket(home.url)
    state = read_published(bucket)
    if state.number == 0:
        raise _nothing(home.url)
    folder = home.folder / f"state-{state.number:010}-{state.token}"
    key = known_key(home)
    seal = Seal(key) if key else None
    if seal:
        require_lake_key(bucket, seal)
    wanted = set(only) or state.files.keys()
    visible = [path for path in wanted & state.files.keys() if seal or not path.startswith(PRIVATE)]
    missing = [path for path in visible if not (folder / path).exists()]
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(partial(_place, (home, bucket, seal), state, folder), missing))
    if key and not only:
        keep_key(folder, key)
    os.utime(folder)  # it is in use
    if missing:
        _remove_unused(home, folder)
    return folder


def require_lake(url: str) -> None:
    """Make sure that there is a lake at an address.

    Raises:
        LakeError: there is none, or the bucket cannot be read.
    """
    home = home_of_address(url)
    if read_head(Bucket(home.url)).number == 0:
        raise _nothing(home.url)


def _nothing(url: str) -> LakeError:
    return LakeError(f"There is no lake at {url!r}, or none of its runs has ended yet; check the address.")


def _place(sources: tuple[Home, Bucket, Seal | None], state: State, folder: Path, path: str) -> None:
    home, bucket, seal = sources
    entry, target = state.files[path], folder / path
    if path.startswith(PRIVATE):
        assert seal is not None
        download(bucket, entry, target, (seal, path))
        return
    fetched = home.folder / entry.object
    if not fetched.exists():
        download(bucket, entry, fetched)
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another command makes the same state
        target.hardlink_to(fetched)


def _remove_unused(home: Home, current: Path) -> None:
    """Remove states that were not asked for of late, and objects that no state has."""
    before = time.time() - KEPT_S
    with suppress(FileNotFoundError):  # another command does the same
        for folder in home.folder.glob("state-*"):
            if folder != current and folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
        for path in home.objects.rglob("*"):
            status = path.stat()
            if path.is_file() and status.st_nlink == 1 and status.st_ctime < before:
                path.unlink()
