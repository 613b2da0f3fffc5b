"""OpenLineage events of a run, appended to a file: which archive and model made which lake.

Source: the OpenLineage specification 2-0-2 (openlineage.io/spec), RunEvent; one JSON object a line.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from harvest.bucket.home import address_of
from harvest.run import Session

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
NAMESPACE = "iam-harvest"
EventType = Literal["START", "COMPLETE", "FAIL"]


@contextmanager
def told_as_lineage(session: Session, events: Path | None) -> Iterator[None]:
    """Append an event at the start and at the end of the block, where a file is given and something is to be done."""
    if events is None or not session.plan.shards:
        yield
        return
    append_event(events, run_event(session, "START"))
    try:
        yield
    except BaseException:
        append_event(events, run_event(session, "FAIL"))
        raise
    append_event(events, run_event(session, "COMPLETE"))


def run_event(session: Session, kind: EventType) -> dict[str, Any]:
    """Return the event of a run; the archive's name is that of the tables, a pseudonym unless identifiers are kept."""
    keys, producer = session.keys, f"iam-harvest/{version('iam-harvest')}"
    lake = address_of(session.lake.root.resolve())
    facet = {
        "_producer": producer,
        "_schemaURL": f"{SPEC}RunFacet",
        "runId": keys.run_id,
        "modelDigest": keys.model_digest,
        "configFingerprint": keys.config_fingerprint,
        "engine": session.engine,
        "films": session.plan.pending,
    }
    inputs = [("archive", keys.public_archive), ("bundle", f"{session.spec.name}@{keys.model_digest}")]
    return {
        "eventType": kind,
        "eventTime": datetime.now(UTC).isoformat(),
        "producer": producer,
        "schemaURL": f"{SPEC}RunEvent",
        "run": {"runId": str(uuid5(NAMESPACE_URL, f"{NAMESPACE}:{keys.run_id}")), "facets": {"iamHarvest": facet}},
        "job": {"namespace": NAMESPACE, "name": f"harvest {PurePath(lake).name}"},
        "inputs": [{"namespace": f"{NAMESPACE}:{kind}", "name": name} for kind, name in inputs],
        "outputs": [_dataset(lake)],
    }


def _dataset(lake: str) -> dict[str, str]:
    """Return the name of a lake; of one in a bucket, as OpenLineage wants it, bucket and path."""
    scheme, _, place = lake.rpartition("://")
    bucket, _, path = place.partition("/")
    return {"namespace": f"{scheme}://{bucket}", "name": path} if scheme else {"namespace": "file", "name": lake}


def append_event(path: Path, event: dict[str, Any]) -> None:
    """Append one line in one write, so that lines of several runs do not mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(event, sort_keys=True) + "\n").encode())
    finally:
        os.close(descriptor)
