"""The pipeline: one shard of an archive to rows of the lake.

``harvest_shard`` is a plain function: it runs in a test, a notebook, a thread or under a scheduler alike. It computes,
which any process can do, and commits, which is up to the one that may write to the lake.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pyarrow as pa

from harvest.ahead import map_ahead
from harvest.batches import Film, iter_batches, iter_films
from harvest.config import HarvestConfig
from harvest.errors import Reason, Stage
from harvest.forgotten import Forgotten
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.localization import FindingResult, Localizer
from harvest.manifest import Shard
from harvest.records import Rejection
from harvest.rewrite import DUPLICATE_MESSAGE
from harvest.rows import ShardRows
from harvest.sources import Source

Item = TypeVar("Item")


@dataclass(frozen=True)
class Workbench:
    """What computing a shard needs beside its objects; no lake."""

    source: Source
    localizer: Localizer
    keys: RunKeys
    config: HarvestConfig
    forgotten: Forgotten = field(default_factory=Forgotten)


@dataclass(frozen=True)
class HarvestContext:
    """Where shards are computed, and the lake that they go into."""

    bench: Workbench
    lake: Lake


@dataclass(frozen=True)
class ShardSummary:
    """What became of one shard: counts only, no identifier.

    Attributes:
        objects: files, each of which may hold several instances.
        states: instances by state (``localized``, ``no_finding``, ``rejected``).
        reasons: rejected instances by reason code.
        findings: boxes by finding.
        seconds: wall time by stage; ``wait_decode`` is the time that films were waited for, ``localize`` the network.
    """

    shard_id: str
    objects: int
    states: Counter[str]
    reasons: Counter[str]
    findings: Counter[str]
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ComputedShard:
    """What a shard gives, not yet in the lake: every table, also the empty ones, and the counts."""

    tables: dict[str, pa.Table]
    summary: ShardSummary


class StageClock:
    """Adds up one thread's wall time by stage; time of a stage within another counts for the inner one alone."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = {}
        self._stage: str | None = None
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time."""
        outer = self._switch(name)
        try:
            yield
        finally:
            self._switch(outer)

    def timed(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """Pass items through, counting the time that each took to come."""
        while True:
            with self.stage(name):
                item = next(items, None)
            if item is None:
                return
            yield item

    def _switch(self, name: str | None) -> str | None:
        """Count the time since the last switch for the stage that was on, and return its name."""
        now, before = time.perf_counter(), self._stage
        if before is not None:
            self.seconds[before] = self.seconds.get(before, 0.0) + now - self._since
        self._stage, self._since = name, now
        return before


def harvest_shard(shard: Shard, context: HarvestContext) -> ShardSummary:
    """Read, decode, localize and commit one shard.

    What is wrong with an object is a row of ``rejections``; only what is wrong with the lake or the machine raises.
    """
    computed = compute_shard(shard, context.bench)
    return commit_shard(computed, context.lake, context.bench.keys.config_fingerprint)


def compute_shard(shard: Shard, bench: Workbench) -> ComputedShard:
    """Read, decode and localize one shard; nothing is written.

    Batches go through the network beside each other, as many as it takes at once, and one more waits for its turn.
    """
    clock, rows, localizer = StageClock(), ShardRows(bench.keys), bench.localizer
    network, config = localizer.predictor.spec.network, bench.config
    decoded = iter_films(bench.source, shard.objects, config.decode, network.input_hw, config.engine.decode_workers)
    films = (bench.forgotten.refuse(film, bench.keys.site_key) for film in decoded)
    batches = clock.timed("wait_decode", iter_batches(films, localizer.predictor.batch_size))
    fresh = ([_without_repeat(film, rows) for film in batch] for batch in batches)
    streams = localizer.predictor.streams
    for localized in clock.timed("localize", map_ahead(localizer.localize_accepted, fresh, streams, streams + 1)):
        with clock.stage("rows"):
            for film, results in localized:
                _add(rows, film, results)
    with clock.stage("rows"):
        tables = rows.tables()
    boxes = Counter(row["finding"] for row in rows.rows["boxes"])
    summary = ShardSummary(shard.shard_id, len(shard.objects), rows.states, rows.reasons, boxes, clock.seconds)
    return ComputedShard(tables, summary)


def commit_shard(computed: ComputedShard, lake: Lake, fingerprint: str) -> ShardSummary:
    """Write a shard's part files; their names follow from shard and settings, so repeating it replaces its rows.

    Raises:
        LakeLockedError: this process is the lake's writer no more.
    """
    start, summary = time.perf_counter(), computed.summary
    lake.commit_shard(fingerprint, summary.shard_id, computed.tables)
    return replace(summary, seconds=summary.seconds | {"commit": time.perf_counter() - start})


def _add(rows: ShardRows, film: Film, results: list[FindingResult] | None) -> None:
    if film.rejection is not None:
        rows.add_rejected(film)
    elif results is None:
        failed = Rejection(Reason.NETWORK_FAILED, Stage.PREDICT, "The network's output is not finite.")
        rows.add_rejected(replace(film, rejection=failed))
    else:
        rows.add_predicted(film, results)


def _without_repeat(film: Film, rows: ShardRows) -> Film:
    """Reject a film that is the same instance as an earlier one of the shard; ``settle`` does so across shards."""
    if film.rejection is not None or not rows.is_duplicate(film):
        return film
    return replace(film, rejection=Rejection(Reason.DUPLICATE_INSTANCE, Stage.SETTLE, DUPLICATE_MESSAGE))
