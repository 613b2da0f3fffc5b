"""Which objects are to be harvested, and in which shards.

A plan is fixed before its first shard and kept in ``private/plans`` until the run ends: a killed run is finished with
its own shards, so that a film meets the same neighbours in its batch as in an undisturbed run.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harvest.errors import Reason
from harvest.files import TEMPORARY, replace_durably
from harvest.identity import SiteKey
from harvest.lake import Lake
from harvest.records import ArchiveObject
from harvest.row_wise import give_back_columns, iter_rows
from harvest.sources.source import UNKNOWN_SIZE

Version = tuple[int, int, str | None]
"""Size, time of change, labels: an object with another version is harvested anew."""
Harvested = Mapping[str, Collection[Version]]
"""Committed versions by path; of most paths there is one, for which a tuple takes less room than a set."""

_PLAN = pa.schema(
    [
        pa.field("shard_id", pa.string()),
        pa.field("path", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("labels", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Shard:
    """Objects that are harvested and committed together; at most 256, in path order. Shown, it names none of them."""

    shard_id: str
    objects: tuple[ArchiveObject, ...] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """What a listing asks for.

    Attributes:
        shards: to be harvested, in order.
        listed: current version of every object listed, by path.
        new: objects never harvested under these settings.
        changed: objects harvested before in another version.
    """

    shards: tuple[Shard, ...]
    listed: dict[str, Version]
    new: int
    changed: int

    @property
    def pending(self) -> int:
        """Objects to be harvested."""
        return sum(len(shard.objects) for shard in self.shards)


def version(one: ArchiveObject) -> Version:
    """Return what tells two states of an object apart."""
    return one.size, one.mtime_ns, one.labels


def read_harvested(lake: Lake, fingerprint: str, archive: str) -> Harvested:
    """Return the committed versions of every object of an archive, by path.

    What a server could not give is left out, so that it is asked for again: its version would never change.
    """
    failed = lake.read_column_set("rejections", fingerprint, ["instance_key", "reason_code"])
    unread = failed.filter(pc.field("reason_code") == Reason.UNREADABLE_FILE)["instance_key"].combine_chunks()
    columns = ["path", "size", "mtime_ns", "labels"]
    rows = lake.read_column_set("crosswalk", fingerprint, ["archive", "instance_key", *columns])
    again = (pc.field("size") == UNKNOWN_SIZE) & pc.field("instance_key").isin(unread)
    rows = rows.filter((pc.field("archive") == archive) & ~again).select(columns)
    harvested: dict[str, tuple[Version, ...]] = {}
    for row in iter_rows(rows):
        before, one = harvested.get(row["path"], ()), (row["size"], row["mtime_ns"], row["labels"])
        if one not in before:  # each frame has a row
            harvested[row["path"]] = (*before, one)
    del rows
    give_back_columns()
    return harvested


def plan_shards(
    objects: Iterable[ArchiveObject],
    harvested: Harvested,
    earlier: Iterable[tuple[tuple[str, Version], ...]],
    size: int,
    key: SiteKey,
) -> Plan:
    """Plan the shards of a listing.

    Args:
        objects: the listing, paths ascending.
        harvested: committed versions by path.
        earlier: shards of an unfinished run, each a tuple of (path, version); what of them is still pending keeps
            together and comes first.
        size: objects per shard.
        key: names the shards, since an open hash of file names could be guessed.
    """
    listed: dict[str, Version] = {}
    pending: dict[str, ArchiveObject] = {}
    changed = 0
    for one in objects:
        now = version(one)
        known = next((then for then in harvested.get(one.path, ()) if then == now), None)
        listed[one.path] = known or now
        if known is None:
            pending[one.path] = one
            changed += one.path in harvested
    new = len(pending) - changed
    groups = list(_still_pending(earlier, pending))
    rest = list(pending.values())
    groups += [tuple(rest[start : start + size]) for start in range(0, len(rest), size)]
    return Plan(tuple(Shard(_shard_id(group, key), group) for group in groups), listed, new, changed)


def _still_pending(
    earlier: Iterable[tuple[tuple[str, Version], ...]], pending: dict[str, ArchiveObject]
) -> Iterator[tuple[ArchiveObject, ...]]:
    """Take from ``pending`` what an earlier plan put together."""
    for planned in earlier:
        group = [pending.pop(path) for path, was in planned if path in pending and version(pending[path]) == was]
        if group:
            yield tuple(group)


def _shard_id(objects: tuple[ArchiveObject, ...], key: SiteKey) -> str:
    return key.pseudonym("shard", json.dumps([[one.path, *version(one)] for one in objects]))[:16]


def plan_path(lake: Lake, run_id: str) -> Path:
    """Return where the plan of a run is kept while it goes on."""
    return lake.private / "plans" / f"{run_id}.parquet"


def write_plan(lake: Lake, run_id: str, plan: Plan) -> None:
    """Keep a plan, so that the run can be finished with the same shards."""
    rows = [
        {"shard_id": shard.shard_id, "path": one.path, "size": one.size, "mtime_ns": one.mtime_ns, "labels": one.labels}
        for shard in plan.shards
        for one in shard.objects
    ]
    path = plan_path(lake, run_id)
    temporary = path.with_name(TEMPORARY + path.name)
    pq.write_table(pa.Table.from_pylist(rows, schema=_PLAN), temporary)
    replace_durably(temporary, path)


def read_plan(lake: Lake, run_id: str) -> list[tuple[tuple[str, Version], ...]]:
    """Return the shards of a kept plan, empty when it was never written."""
    path = plan_path(lake, run_id)
    if not path.exists():
        return []
    shards: dict[str, list[tuple[str, Version]]] = {}
    for row in pq.read_table(path).to_pylist():
        shards.setdefault(row["shard_id"], []).append((row["path"], (row["size"], row["mtime_ns"], row["labels"])))
    return [tuple(objects) for objects in shards.values()]


def drop_from_plans(lake: Lake, paths: set[str]) -> None:
    """Take objects out of the plans of runs that were cut off."""
    for path in sorted((lake.private / "plans").glob("*.parquet")):
        kept = [row for row in pq.read_table(path).to_pylist() if row["path"] not in paths]
        temporary = path.with_name(TEMPORARY + path.name)
        pq.write_table(pa.Table.from_pylist(kept, schema=_PLAN), temporary)
        replace_durably(temporary, path)
