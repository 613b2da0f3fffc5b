"""One shard's parts, rewritten after a verdict on each of its rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from harvest.errors import Reason, Stage
from harvest.keys import RunKeys
from harvest.lake import SCHEMAS, Lake

Rows = list[dict[str, Any]]
DUPLICATE_MESSAGE = "Another object of the archive holds the same instance (same SOP Instance UID)."
_FACTS = ("attention", "boxes", "predictions")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one instance.

    Attributes:
        object_key: with ``frame`` it names the row, whatever becomes of its instance key.
        dropped: all its rows go.
        duplicate: it becomes rejected, under a key of its own path, without predictions, maps and boxes.
        vanished: new value of the column.
        days: new value of ``days_since_first_study``.
    """

    object_key: str
    frame: int
    dropped: bool
    duplicate: bool
    vanished: bool
    days: int | None


def rewrite_shard(lake: Lake, keys: RunKeys, shard_id: str, verdicts: Iterable[tuple[Verdict, str]]) -> None:
    """Apply verdicts, each with archive name and path of its object; a shard of which nothing is left is removed.

    Every table follows from its old rows and the verdicts, and the ledger is replaced last, so a repetition after a
    kill gives the same parts.
    """
    by_place = {(verdict.object_key, verdict.frame): (verdict, path) for verdict, path in verdicts}
    tables = {name: table.to_pylist() for name, table in lake.read_shard(keys.config_fingerprint, shard_id).items()}
    gone = _lost_keys(tables["crosswalk"], by_place)
    for name in _FACTS:
        tables[name] = [row for row in tables[name] if row["instance_key"] not in gone]
    tables["instances"] = [new for row in tables["instances"] if (new := _instance(row, by_place, keys)) is not None]
    tables["crosswalk"] = [new for row in tables["crosswalk"] if (new := _ledger_row(row, by_place, keys)) is not None]
    tables["rejections"] = _rejections(tables, gone)
    if not tables["crosswalk"]:
        lake.remove_shard(keys.config_fingerprint, shard_id)
        return
    arrow = {name: pa.Table.from_pylist(rows, schema=SCHEMAS[name]) for name, rows in tables.items()}
    lake.commit_shard(keys.config_fingerprint, shard_id, arrow)


def _lost_keys(ledger: Rows, by_place: dict[tuple[str, int], tuple[Verdict, str]]) -> set[str]:
    """Instance keys whose predictions, maps, boxes and rejections go."""
    lost = set()
    for row in ledger:
        verdict = by_place[row["object_key"], row["frame"]][0]
        if verdict.dropped or verdict.duplicate:
            lost.add(row["instance_key"])
    return lost


def _instance(
    row: dict[str, Any], by_place: dict[tuple[str, int], tuple[Verdict, str]], keys: RunKeys
) -> dict[str, Any] | None:
    verdict, path = by_place[row["object_key"], row["frame"]]
    if verdict.dropped:
        return None
    row |= {"vanished": verdict.vanished, "days_since_first_study": verdict.days}
    if verdict.duplicate:
        why = {"reason_code": str(Reason.DUPLICATE_INSTANCE), "stage": str(Stage.SETTLE)}
        row |= {"state": "rejected", **why, "instance_key": keys.path_key(path, verdict.frame)}
    return row


def _ledger_row(
    row: dict[str, Any], by_place: dict[tuple[str, int], tuple[Verdict, str]], keys: RunKeys
) -> dict[str, Any] | None:
    verdict, path = by_place[row["object_key"], row["frame"]]
    if verdict.dropped:
        return None
    return row | ({"instance_key": keys.path_key(path, verdict.frame)} if verdict.duplicate else {})


def _rejections(tables: dict[str, Rows], gone: set[str]) -> Rows:
    """Keep the rejections of instances that stay, and say why each new duplicate is one."""
    kept = [row for row in tables["rejections"] if row["instance_key"] not in gone]
    told = {row["instance_key"] for row in kept}
    new = [
        row | {"message": DUPLICATE_MESSAGE}
        for row in tables["instances"]
        if row["state"] == "rejected" and row["instance_key"] not in told
    ]
    return kept + [{name: row[name] for name in SCHEMAS["rejections"].names} for row in new]
