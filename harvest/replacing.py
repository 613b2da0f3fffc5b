"""Several shards whose rows are put into one: noted before it is begun, so that no kill loses or doubles a row.

The new shard is committed as any other one, and the old ones are removed then. Where that is cut off, the next writer
goes on if the new shard was committed; else its parts are leftovers, and the old ones stay.
"""

import json
from pathlib import Path
from typing import Protocol


class Shards(Protocol):
    """What a lake knows of its shards."""

    @property
    def private(self) -> Path:
        """Folder that the public tables do not lie in."""

    def part(self, table: str, fingerprint: str, shard_id: str) -> Path:
        """Return the path of one part file."""

    def remove_shard(self, fingerprint: str, shard_id: str) -> None:
        """Remove a shard."""


def replacing_note(lake: Shards) -> Path:
    """Return the file that says what is being replaced: ``fingerprint``, ids ``old``, id ``new``."""
    return lake.private / "replacing.json"


def end_replacing(lake: Shards) -> None:
    """Remove the old shards of a noted replacement, if the new one was committed, and the note."""
    path = replacing_note(lake)
    if not path.exists():
        return
    note = json.loads(path.read_text(encoding="utf-8"))
    if lake.part("crosswalk", note["fingerprint"], note["new"]).exists():
        for shard_id in note["old"]:
            lake.remove_shard(note["fingerprint"], shard_id)
    path.unlink()
