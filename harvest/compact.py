"""Few parts instead of many small ones: a nightly harvest adds a shard of a few films, and each is six files.

Small shards of complete runs are put together in order of their runs, up to the size of a shard; no row changes, and
the snapshot stays as it is. What waits until there is enough is never more than ``PATIENCE`` shards.
"""

import json
from collections.abc import Iterator

import pyarrow as pa

from harvest.files import write_json
from harvest.keys import RunKeys
from harvest.lake import WRITE_ORDER, Lake, write_part
from harvest.published import note_replaced
from harvest.replacing import end_replacing, replacing_note
from harvest.run_record import read_records

PATIENCE = 16
"""Small shards that are left as they are; so many make the work worth it."""
Shard = tuple[str, int]
"""Id, and instances."""


def compact(lake: Lake, keys: RunKeys, size: int, patience: int = PATIENCE) -> int:
    """Put the small shards under the keys' fingerprint together.

    May be killed at any point: the next writer ends it or takes it back (``Lake.remove_leftovers``).

    Args:
        lake: open for writing, and published.
        keys: of a run; its site key names the new shards.
        size: instances per shard; a shard of less than half is small.
        patience: fewer small shards than this are left alone.

    Returns:
        Number of shards that were put into others.
    """
    small = _small_shards(lake, keys.config_fingerprint, size)
    groups = [group for group in _packed(small, size) if len(group) > 1] if len(small) >= patience else []
    for group in groups:
        _replace(lake, keys, group)
    if groups:
        lake.mark_published()
    return sum(len(group) for group in groups)


def _small_shards(lake: Lake, fingerprint: str, size: int) -> list[Shard]:
    """Return the shards of complete runs that are less than half full, in order of their runs."""
    complete = {record["run_id"] for record in read_records(lake) if record["status"] == "complete"}
    ledger = lake.read_column_set("crosswalk", fingerprint, ["run_id"])
    runs: dict[str, list[str]] = {}
    for shard_id, run_id in zip(ledger["shard_id"].to_pylist(), ledger["run_id"].to_pylist(), strict=True):
        runs.setdefault(shard_id, []).append(run_id)
    small = [(min(of), shard_id) for shard_id, of in runs.items() if len(of) < size / 2 and complete.issuperset(of)]
    return [(shard_id, len(runs[shard_id])) for _, shard_id in sorted(small)]


def _packed(shards: list[Shard], size: int) -> Iterator[list[str]]:
    """Yield ids of neighbours that together hold no more than ``size`` instances."""
    group: list[str] = []
    held = 0
    for shard_id, instances in shards:
        if group and held + instances > size:
            yield group
            group, held = [], 0
        group.append(shard_id)
        held += instances
    if group:
        yield group


def _replace(lake: Lake, keys: RunKeys, group: list[str]) -> None:
    fingerprint = keys.config_fingerprint
    members = [lake.read_shard(fingerprint, shard_id) for shard_id in group]
    new = keys.site_key.pseudonym("shard", json.dumps(group))[:16]
    lake.mark_unpublished()
    write_json(replacing_note(lake), {"fingerprint": fingerprint, "old": group, "new": new})
    for name in WRITE_ORDER:
        rows = pa.concat_tables([member[name] for member in members])
        write_part(lake.part(name, fingerprint, new), rows, name)
    end_replacing(lake)
    note_replaced(lake, fingerprint, group, new)
