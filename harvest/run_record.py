"""The record of a run, ``runs/<run_id>.json``: what was run with which settings, and what came of it."""

import json
import platform
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pyarrow.compute as pc

from harvest.config import HarvestConfig
from harvest.errors import LakeError
from harvest.files import TEMPORARY, write_json
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.manifest import plan_path
from models.spec import BundleSpec

Status = Literal["running", "complete", "paused", "aborted", "failed"]
"""paused: shards are left for a later run. aborted: too much was rejected, its rows were removed. failed: cut off.
The next run of the same archive and settings goes on with a paused or failed one."""
UNFINISHED = ("running", "paused", "failed")
RunRecord = dict[str, Any]
"""Keys: run_id, status, archive, bundle, bundle_spec (all settings of the model), model_digest, config_fingerprint,
engine, started_at, finished_at (UTC), objects, instances, localized, no_finding, rejected, boxes, version, python,
config, pace (see :class:`Pace`; null until it ends, and where no film was read)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the process that ended a run was.

    Attributes:
        films: objects that this process harvested; fewer than the run's where it went on after an interruption.
        seconds: wall time from listing to settling.
        stage_seconds: of these, by stage of the shards.
    """

    films: int
    seconds: float
    stage_seconds: dict[str, float]


def new_run_id() -> str:
    """Return an id that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def start_record(lake: Lake, keys: RunKeys, spec: BundleSpec, engine: str, config: HarvestConfig) -> None:
    """Write the record of a run that begins or goes on; the time of its first start is kept."""
    path = lake.runs / f"{keys.run_id}.json"
    started = json.loads(path.read_text(encoding="utf-8"))["started_at"] if path.exists() else _now()
    record = {
        "run_id": keys.run_id,
        "status": "running",
        "archive": keys.public_archive,
        "bundle": spec.name,
        "bundle_spec": spec.model_dump(mode="json"),
        "model_digest": keys.model_digest,
        "config_fingerprint": keys.config_fingerprint,
        "engine": engine,
        "started_at": started,
        "finished_at": None,
        "version": version("iam-harvest"),
        "python": platform.python_version(),
        "config": config.model_dump(mode="json"),
    }
    counts = ("objects", "instances", "localized", "no_finding", "rejected", "boxes", "pace")
    write_json(path, record | dict.fromkeys(counts))


def finish_record(lake: Lake, keys: RunKeys, status: Status, pace: Pace | None = None) -> RunRecord:
    """Close the record with what the run left in the part files, and drop its plan where it is of no more use."""
    path = lake.runs / f"{keys.run_id}.json"
    record: RunRecord = json.loads(path.read_text(encoding="utf-8"))
    record |= {"status": status, "finished_at": _now(), "pace": asdict(pace) if pace else None} | _counts(lake, keys)
    write_json(path, record)
    if status not in UNFINISHED:
        plan_path(lake, keys.run_id).unlink(missing_ok=True)
    return record


def close_dead_records(lake: Lake, but: str) -> None:
    """Mark runs failed that say they run, except one: who holds the lake's lock knows that they do not."""
    for path in _paths(lake):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["status"] == "running" and record["run_id"] != but:
            write_json(path, record | {"status": "failed", "finished_at": _now()})


def read_records(lake: Lake) -> list[RunRecord]:
    """Return the records of all runs, the latest first, each with ``chosen``: whether the user chose its model."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_paths(lake), reverse=True)]
    chosen = lake.chosen_model
    return [record | {"chosen": record["model_digest"] == chosen} for record in records]


def current_run(records: Iterable[RunRecord]) -> RunRecord | None:
    """Return the run that the current views follow (``current_fingerprint.sql``); None where none is."""

    def rank(record: RunRecord) -> tuple[bool, bool, str, str]:
        return record["chosen"], record["status"] == "complete", record["finished_at"], record["run_id"]

    return max((record for record in records if record["status"] in ("complete", "paused")), key=rank, default=None)


def latest_complete_run(lake: Lake) -> RunRecord:
    """Return the record of the run that the current views follow.

    Raises:
        LakeError: no run is complete.
    """
    record = current_run(read_records(lake))
    if record is None:
        raise LakeError(f"No run of the lake {lake.root} is complete; finish it with 'iam-harvest run'.")
    return record


def unfinished_run(lake: Lake, fingerprint: str, archive: str) -> str | None:
    """Return the id of the run of this archive and fingerprint that was paused or cut off; None: there is none.

    It need not be the latest by its id, which holds the time: clocks jump.
    """
    for record in read_records(lake):
        of_these = (record["config_fingerprint"], record["archive"]) == (fingerprint, archive)
        if of_these and record["status"] in UNFINISHED:
            return str(record["run_id"])
    return None


def _counts(lake: Lake, keys: RunKeys) -> dict[str, int]:
    """Count the run's rows as they stand."""
    fingerprint = keys.config_fingerprint
    mine = pc.field("run_id") == keys.run_id
    rows = lake.read_column_set("instances", fingerprint, ["run_id", "object_key", "state"]).filter(mine)
    states = Counter(rows["state"].to_pylist())
    return {
        "objects": pc.count_distinct(rows["object_key"]).as_py(),
        "instances": len(rows),
        **{state: states[state] for state in ("localized", "no_finding", "rejected")},
        "boxes": len(lake.read_column_set("boxes", fingerprint, ["run_id"]).filter(mine)),
    }


def _paths(lake: Lake) -> list[Path]:
    """Return the records that are whole: a writer's temporary file has a name that the pattern takes, too."""
    return [path for path in lake.runs.glob("*.json") if not path.name.startswith(TEMPORARY)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
