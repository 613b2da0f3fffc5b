"""What of a lake's past stays in its bucket: what a reader may still be reading."""

from datetime import datetime, timedelta

from harvest.bucket.log import COMMITS, OBJECTS, Commit, commit_name, commit_number, read_commit
from harvest.bucket.store import Bucket

KEPT = timedelta(days=1)
"""How long after its end a state can still be read, by the clock of the store."""


def sweep(bucket: Bucket, last: Commit, kept: timedelta = KEPT) -> None:
    """Remove commits that were superseded longer ago, and older objects that no commit lists which stays.

    To be called by the writer right after a commit that ended a run: commits between such ones are needed no more. If
    it was overtaken meanwhile, what the other one commits was there or is new, so neither is removed.

    Args:
        bucket: holds the lake.
        last: the last commit.
        kept: 0 to leave nothing but the last commit.
    """
    written = {commit_number(one["path"]): one["last_modified"] for one in bucket.listing(COMMITS)}
    stay = _staying(bucket, last, written, kept)
    live = {entry.object for one in stay for entry in one.files.values()}
    numbers = {one.number for one in stay}
    bucket.remove(commit_name(number) for number in sorted(written) if number not in numbers and number < last.number)
    old = written[last.number] - kept
    found = [one["path"] for one in bucket.listing(OBJECTS) if one["last_modified"] <= old]
    bucket.remove(name for name in found if name not in live)


def _staying(bucket: Bucket, last: Commit, written: dict[int, datetime], kept: timedelta) -> list[Commit]:
    """Follow the commits that ended runs back to the first that was superseded too long ago."""
    stay = [last]
    while stay[-1].before in written and written[last.number] - written[stay[-1].number] < kept:
        stay.append(read_commit(bucket, stay[-1].before))
    return stay
