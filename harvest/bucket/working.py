"""The copy of a lake in which a run works: made equal to the bucket at its begin, committed there shard by shard.

The bucket is the truth. What this machine had done but not committed there is dropped at the next begin, and computed
again; a killed run goes on from its last commit, here or on any machine that has the site key.
"""

import logging
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from harvest.bucket.home import SITE_KEY, Home
from harvest.bucket.keys import keep_key, known_key, require_lake_key, state_format
from harvest.bucket.lease import CARD, Lease
from harvest.bucket.log import COMMITS, FORMAT_FILE, Commit, Entry, State, commit_name, read_head
from harvest.bucket.retention import sweep
from harvest.bucket.seal import Seal
from harvest.bucket.store import PARALLEL, Bucket
from harvest.bucket.transfer import PRIVATE, download, local_files, upload
from harvest.errors import LakeError, LakeLockedError, SettingsError
from harvest.files import MARKER

logger = logging.getLogger(__name__)


class WorkingCopy:
    """From :func:`working_copy`."""

    def __init__(self, home: Home, bucket: Bucket, seal: Seal, lease: Lease) -> None:
        self._home, self._bucket, self._seal, self._lease = home, bucket, seal, lease
        self._root = home.working
        self._state = State()
        self._proven = False

    def pull(self) -> None:
        """Make the folder equal to the last commit.

        Raises:
            LakeError: the bucket cannot be read, or what is in it is damaged.
        """
        self._state = read_head(self._bucket)
        here, there = local_files(self._root), self._state.files
        for path in here.keys() - there.keys() - {MARKER}:  # which a new lake has before its first commit
            (self._root / path).unlink()
        missing = [path for path, entry in there.items() if here.get(path) != _stamp(entry)]
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(self._download, missing))

    def push(self, whole: bool) -> None:
        """Commit what has changed since the last commit; nothing is done where nothing has.

        Args:
            whole: a run has ended, and readers are to see it.

        Raises:
            LakeLockedError: another process has committed meanwhile.
            LakeError: the bucket cannot be written, or would not keep a lake.
        """
        here, there = local_files(self._root), self._state.files
        changed = [path for path, now in here.items() if path not in there or _stamp(there[path]) != now]
        removed = tuple(sorted(there.keys() - here.keys()))
        if not (changed or removed):
            return
        self._lease.confirm()
        self._prove()
        with ThreadPoolExecutor(PARALLEL) as pool:
            entries = dict(zip(changed, pool.map(self._upload, changed), strict=True))
        files = {path: entry for path, entry in (there | entries).items() if path in here}
        self._commit(files, (files, ()) if whole else (entries, removed), whole)

    def purge(self) -> None:
        """Remove everything but the last commit, from the bucket and from what readers on this machine have fetched.

        Raises:
            LakeError: not all of it could be removed.
        """
        self._lease.confirm()
        now = self._state
        if now.number == now.published:
            sweep(self._bucket, Commit(now.number, True, 0, now.token, now.files), timedelta(0))
        for folder in (*self._home.folder.glob("state-*"), self._home.objects):
            shutil.rmtree(folder, ignore_errors=True)

    def _commit(self, files: dict[str, Entry], listed: tuple[dict[str, Entry], tuple[str, ...]], whole: bool) -> None:
        number, token = self._state.number + 1, secrets.token_hex(8)
        commit = Commit(number, whole, self._state.published, token, *listed)
        if not self._put_commit(commit_name(number), commit.encode()):
            raise LakeLockedError(
                f"Another process has committed to the lake at {self._bucket.url!r} since this one began; what both "
                "have committed is kept. Give the same command again when that one has ended."
            )
        self._state = State(number, commit.published, token, files)
        if whole:
            try:
                sweep(self._bucket, commit)
            except LakeError as error:  # the next run tries again
                logger.warning("What was superseded stays for now. %s", error)

    def _put_commit(self, name: str, content: bytes) -> bool:
        """Put a commit; False where another one has its number, or had it: those between ends of runs are removed."""
        put = self._bucket.put_new(name, content) is not None or self._bucket.get(name) == content  # answers get lost
        return put and not any(self._bucket.listing(COMMITS, after=name))

    def _prove(self) -> None:
        """Found the lake where there is none, and make sure that the store refuses to put over what is there.

        Raises:
            LakeError: it does not, so that two writers could undo each other's commits.
        """
        if self._proven:
            return
        content = state_format(self._seal)
        self._bucket.put_new(FORMAT_FILE, content)
        if self._bucket.put_new(FORMAT_FILE, content) is not None:
            raise LakeError(
                f"The store of {self._bucket.url!r} puts over objects that are to be put once (it ignores "
                "'If-None-Match: *'), so no lake can be kept there."
            )
        require_lake_key(self._bucket, self._seal)
        self._proven = True

    def _upload(self, path: str) -> Entry:
        return upload(self._bucket, self._root, path, self._seal)

    def _download(self, path: str) -> None:
        sealed = (self._seal, path) if path.startswith(PRIVATE) else None
        download(self._bucket, self._state.files[path], self._root / path, sealed)


@contextmanager
def working_copy(home: Home, site_key: Path | None) -> Iterator[WorkingCopy]:
    """Take the right to write to the lake at an address, and make its working folder equal to it.

    The caller holds the lock of the working folder.

    Raises:
        LakeLockedError: another machine writes to it.
        LakeError: the bucket cannot be used, or holds something else.
        SettingsError: the site key is missing, or is not that of the lake.
    """
    bucket, key = Bucket(home.url), known_key(home, site_key)
    is_lake = bucket.get(FORMAT_FILE) is not None
    if not is_lake and any(one["path"] != CARD for one in bucket.listing("")):
        raise LakeError(f"{home.url!r} is not empty and not a lake; give a new or empty prefix.")
    if key is None:
        raise SettingsError(_ask_for_key(home, is_lake))
    seal = Seal(key)
    require_lake_key(bucket, seal)
    keep_key(home.working, key)
    with Lease(bucket, home.mark).held() as lease:
        copy = WorkingCopy(home, bucket, seal, lease)
        copy.pull()
        yield copy


def _ask_for_key(home: Home, is_lake: bool) -> str:
    what = "was made with" if is_lake else "needs"
    how = "" if is_lake else " Make one: 'head -c 32 /dev/urandom > site.key && chmod 600 site.key'."
    return (
        f"The lake at {home.url!r} {what} a site key of your own, under which its private folder is sealed before it "
        f"leaves this machine; the key itself stays here.{how} Give its file with --site-key, or in {SITE_KEY}."
    )


def _stamp(entry: Entry) -> tuple[int, int]:
    return entry.size, entry.mtime_ns
