"""What can be said only of the lake as a whole, written back into the parts that it concerns.

After the shards of a run are committed: rows of an object that has changed give way to the new ones, vanished objects
are marked, of the same instance in two files one is kept, and days since a patient's first study are counted. Every
decision follows from the ledger and the listing, so settling may be killed and repeated at any point.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow.compute as pc

from harvest.errors import Reason
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.manifest import Plan, Version
from harvest.rewrite import Verdict, rewrite_shard
from harvest.row_wise import give_back_columns, iter_rows

_LEDGER = (
    "archive", "path", "size", "mtime_ns", "labels", "frame", "instance_key", "object_key",
    "patient_id", "sop_instance_uid", "study_instance_uid", "study_date",
)  # fmt: skip

_SAYS_SOMETHING = (
    pc.field("reason_code").is_valid() | pc.field("vanished") | pc.field("days_since_first_study").is_valid()
)
"""Of an instance's row: that it differs from what an entry says of itself."""


@dataclass(slots=True)
class Entry:
    """A row of the ledger, what its instance row says now, and what it is to say."""

    shard_id: str
    archive: str
    path: str
    version: Version
    frame: int
    instance_key: str
    object_key: str
    patient_id: str | None
    sop_instance_uid: str | None
    study_instance_uid: str | None
    study_date: date | None
    reason: str | None = None
    was: tuple[bool, int | None] = (False, None)
    dropped: bool = False
    duplicate: bool = False
    vanished: bool = False
    days: int | None = None

    @property
    def verdict(self) -> Verdict:
        """What is to become of the row."""
        return Verdict(self.object_key, self.frame, self.dropped, self.duplicate, self.vanished, self.days)

    @property
    def unchanged(self) -> bool:
        """Whether the part already says so."""
        return not (self.dropped or self.duplicate) and self.was == (self.vanished, self.days)


def settle(lake: Lake, keys: RunKeys, plan: Plan, whole: bool) -> int:
    """Bring every part under the run's fingerprint up to date with the listing.

    Args:
        lake: open for writing.
        keys: of the run; its archive is the one that was listed.
        plan: of the run.
        whole: whether the whole archive was listed, so that an object missing from the listing has vanished.

    Returns:
        Number of shards rewritten.
    """
    entries = read_entries(lake, keys.config_fingerprint)
    _drop_superseded(entries, keys.archive, plan)
    _drop_unread(entries)
    _find_duplicates(entries)
    _mark_vanished(entries, keys.archive, plan, whole)
    _count_days(entries)
    return _rewrite(lake, keys, entries)


def drop_entries(lake: Lake, keys: RunKeys, gone: Iterable[Entry]) -> int:
    """Remove entries (of :func:`read_entries`) from all parts under the keys' fingerprint; the rest stays as it is.

    Returns:
        Number of shards rewritten.
    """
    places = {(entry.shard_id, entry.object_key, entry.frame) for entry in gone}
    entries = read_entries(lake, keys.config_fingerprint)
    for entry in entries:
        entry.vanished, entry.days = entry.was
        entry.dropped = (entry.shard_id, entry.object_key, entry.frame) in places
    return _rewrite(lake, keys, entries)


def _rewrite(lake: Lake, keys: RunKeys, entries: Iterable[Entry]) -> int:
    """Rewrite the shards of which some entry is to say something else."""
    by_shard: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_shard[entry.shard_id].append(entry)
    stale = {shard: rows for shard, rows in by_shard.items() if not all(row.unchanged for row in rows)}
    for shard_id, rows in sorted(stale.items()):
        rewrite_shard(lake, keys, shard_id, [(row.verdict, f"{row.archive}/{row.path}") for row in rows])
    return len(stale)


def read_entries(lake: Lake, fingerprint: str) -> list[Entry]:
    """Join ledger and instances; a row that a kill left without its instance counts as it stands in the ledger.

    Rows become objects a few thousand at a time, so that memory holds little more than the entries.
    """
    columns = ["object_key", "frame", "reason_code", "vanished", "days_since_first_study"]
    instances = lake.read_column_set("instances", fingerprint, columns)
    known = {
        (row["shard_id"], row["object_key"], row["frame"]): (
            row["reason_code"],
            (row["vanished"], row["days_since_first_study"]),
        )
        for row in iter_rows(instances.filter(_SAYS_SOMETHING))
    }
    entries = []
    for row in iter_rows(lake.read_column_set("crosswalk", fingerprint, list(_LEDGER))):
        version = row.pop("size"), row.pop("mtime_ns"), row.pop("labels")
        row |= {name: sys.intern(row[name]) for name in ("shard_id", "archive")}
        row["study_date"] = _date(row["study_date"])
        entry = Entry(version=version, **row)
        entry.reason, entry.was = known.get((entry.shard_id, entry.object_key, entry.frame), (None, entry.was))
        entries.append(entry)
    give_back_columns()
    return sorted(entries, key=lambda entry: (entry.archive, entry.path, entry.frame, entry.shard_id))


def _drop_superseded(entries: Iterable[Entry], archive: str, plan: Plan) -> None:
    """Of an object in several versions keep the one that is listed."""
    current = {
        entry.path for entry in entries if entry.archive == archive and plan.listed.get(entry.path) == entry.version
    }
    for entry in entries:
        if entry.archive == archive and entry.path in current:
            entry.dropped = plan.listed[entry.path] != entry.version


def _drop_unread(entries: Iterable[Entry]) -> None:
    """Of an object that could not be read and was asked for again keep what was read, or one rejection."""
    read = {(one.archive, one.path) for one in entries if one.reason != Reason.UNREADABLE_FILE and not one.dropped}
    for entry in entries:
        if entry.reason == Reason.UNREADABLE_FILE and not entry.dropped:
            entry.dropped = (entry.archive, entry.path) in read
            read.add((entry.archive, entry.path))


def _find_duplicates(entries: Iterable[Entry]) -> None:
    """Of equal instance keys keep the first by archive and path; a duplicate without its original is dropped.

    What is dropped here is planned again by the next run.
    """
    kept: set[str] = set()
    originals: set[tuple[str | None, int]] = set()
    for entry in entries:
        if entry.dropped or entry.reason is not None:
            continue
        entry.duplicate = entry.instance_key in kept
        kept.add(entry.instance_key)
        originals.add((entry.sop_instance_uid, entry.frame))
    for entry in entries:
        if entry.reason == Reason.DUPLICATE_INSTANCE and (entry.sop_instance_uid, entry.frame) not in originals:
            entry.dropped = True


def _mark_vanished(entries: Iterable[Entry], archive: str, plan: Plan, whole: bool) -> None:
    for entry in entries:
        listed = entry.path in plan.listed
        known_missing = whole and not listed
        entry.vanished = known_missing if entry.archive == archive and (whole or listed) else entry.was[0]


def _count_days(entries: Iterable[Entry]) -> None:
    """Days between a patient's first study in the lake and each study."""
    first: dict[str, date] = {}
    for entry in entries:
        if entry.patient_id and entry.study_date and not entry.dropped:
            first[entry.patient_id] = min(first.get(entry.patient_id, entry.study_date), entry.study_date)
    for entry in entries:
        if entry.patient_id in first and entry.study_date:
            entry.days = (entry.study_date - first[entry.patient_id]).days


def _date(text: str | None) -> date | None:
    """Read YYYYMMDD; None for anything else."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if text and len(text) == 8 else None
    except ValueError:
        return None
