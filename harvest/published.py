"""What the snapshot was made of, noted in ``private/published.json``: which parts are new can so be told by a look."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from harvest.files import write_json
from harvest.lake import SNAPSHOT, Lake
from harvest.records import LOADED_TABLES
from harvest.sql_files import read_sql

Inventory = dict[str, list[int]]
"""Size and time of change of every part file, by table and name."""


def take_inventory(root: Path) -> Inventory:
    """Return all parts that a snapshot of the lake would be made of."""
    found = {}
    for table in LOADED_TABLES:
        for path in (root / table).glob("part-*.parquet"):
            found[f"{table}/{path.name}"] = _stamp(path)
    return found


def new_parts(lake: Lake, inventory: Inventory) -> dict[str, list[Path]] | None:
    """Return the parts that the snapshot lacks, by table; None where it is empty, not ours, or a part of it changed."""
    try:
        note = json.loads(_note_path(lake).read_text(encoding="utf-8"))
        ours = note["snapshot"] == _stamp(lake.root / SNAPSHOT) and note["sql"] == _sql_digest()
        published: Inventory = note["parts"]
    except (OSError, ValueError, KeyError):
        return None
    if not ours or not published or any(inventory.get(name) != was for name, was in published.items()):
        return None
    new = sorted(inventory.keys() - published.keys())
    return {table: [lake.root / name for name in new if name.startswith(f"{table}/")] for table in LOADED_TABLES}


def note_published(lake: Lake, inventory: Inventory) -> None:
    """Write down what the snapshot was made of; a kill before this costs the next one a full build."""
    note = {"snapshot": _stamp(lake.root / SNAPSHOT), "sql": _sql_digest(), "parts": inventory}
    if lake.private.exists():
        write_json(_note_path(lake), note)


def _note_path(lake: Lake) -> Path:
    return lake.private / "published.json"


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _sql_digest() -> str:
    text = json.dumps([read_sql(folder) for folder in ("schema", "views", "checks")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def note_replaced(lake: Lake, fingerprint: str, old: Iterable[str], new: str) -> None:
    """Write down that the rows of some shards lie in another one; what was published of them is still true."""
    try:
        note = json.loads(_note_path(lake).read_text(encoding="utf-8"))
        published: Inventory = note["parts"]
    except (OSError, ValueError, KeyError):
        return
    gone = {f"{table}/{lake.part(table, fingerprint, shard_id).name}" for table in LOADED_TABLES for shard_id in old}
    if gone <= published.keys():
        kept = {name: was for name, was in published.items() if name not in gone}
        parts = [lake.part(table, fingerprint, new) for table in LOADED_TABLES]
        added = {f"{part.parent.name}/{part.name}": _stamp(part) for part in parts}
        write_json(_note_path(lake), note | {"parts": kept | added})
