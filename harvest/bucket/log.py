"""The log of a lake in a bucket: numbered commits, each put only where there is none of its number.

A commit at the end of a run lists every file of the lake; one after a shard only what has changed since the commit
before it. Readers take the last of the first kind, so they see a whole run or the one before it.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from harvest.bucket.store import PARALLEL, Bucket
from harvest.errors import LakeError, NewerLakeError

FORMAT = 1
FORMAT_FILE = "format.json"
COMMITS = "commits/"
OBJECTS = "objects/"
ATTEMPTS = 5
"""A commit that is listed may be superseded and removed before it is read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the lake.

    Attributes:
        object: name of what holds it.
        sha256: of the object, hexadecimal.
        size: of the file, bytes.
        mtime_ns: time of its last change.
    """

    object: str
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class State:
    """The lake after a commit.

    Attributes:
        number: of the commit, from 1; 0: there is none.
        published: number of the last commit that ended a run; 0: there is none.
        token: random; tells commits of the same number in two lakes apart.
        files: by path, relative to the lake's folder.
    """

    number: int = 0
    published: int = 0
    token: str = ""
    files: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True)
class Commit:
    """What is in the log.

    Attributes:
        whole: it ended a run: ``files`` are all, else those that changed.
        before: the last commit before it that ended a run; 0: there is none.
    """

    number: int
    whole: bool
    before: int
    token: str
    files: dict[str, Entry]
    removed: tuple[str, ...] = ()

    @property
    def published(self) -> int:
        """Number of the last commit that ended a run, up to this one."""
        return self.number if self.whole else self.before

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps({"format": FORMAT} | asdict(self), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read it.

        Raises:
            NewerLakeError: a newer version wrote it.
        """
        values: dict[str, Any] = json.loads(content)
        if values.pop("format") > FORMAT:
            raise NewerLakeError("A newer version wrote the lake in this bucket: upgrade iam-harvest.")
        values["files"] = {path: Entry(**entry) for path, entry in values["files"].items()}
        return cls(**values | {"removed": tuple(values["removed"])})


def commit_name(number: int) -> str:
    """Return the name of a commit; names sort as numbers do."""
    return f"{COMMITS}{number:010}.json"


def commit_number(name: str) -> int:
    """Return the number in a commit's name."""
    return int(name.removeprefix(COMMITS).removesuffix(".json"))


def read_head(bucket: Bucket) -> State:
    """Return the lake after its last commit; an empty state where there is none."""
    return _retried(bucket, _head)


def read_published(bucket: Bucket) -> State:
    """Return the lake after the last run that ended; an empty state where there is none."""
    return _retried(bucket, _published)


def read_commit(bucket: Bucket, number: int) -> Commit:
    """Read one commit.

    Raises:
        KeyError: there is none of this number.
    """
    content = bucket.get(commit_name(number))
    if content is None:
        raise KeyError(number)
    return Commit.decode(content)


def _retried(bucket: Bucket, read: Callable[[Bucket, Commit], State]) -> State:
    for _ in range(ATTEMPTS):
        try:
            numbers = [commit_number(one["path"]) for one in bucket.listing(COMMITS)]
            return read(bucket, read_commit(bucket, max(numbers))) if numbers else State()
        except KeyError:
            continue
    raise LakeError(f"The lake at {bucket.url!r} changes faster than it can be read; give the same command again.")


def _published(bucket: Bucket, last: Commit) -> State:
    if last.published == 0:
        return State()
    whole = last if last.whole else read_commit(bucket, last.published)
    return State(whole.number, whole.number, whole.token, whole.files)


def _head(bucket: Bucket, last: Commit) -> State:
    with ThreadPoolExecutor(PARALLEL) as pool:
        earlier = list(pool.map(lambda number: read_commit(bucket, number), range(last.published or 1, last.number)))
    files: dict[str, Entry] = {}
    for one in (*earlier, last):
        files |= one.files
        for path in one.removed:
            del files[path]
    return State(last.number, last.published, last.token, files)
