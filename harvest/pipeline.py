"""The pipeline: one shard of an archive to rows of the lake.

``harvest_shard`` is a plain function: it runs in a test, a notebook, a thread or under a scheduler alike. It computes,
which any process can do, and commits, which is up to the one that may write to the lake.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pyarrow as pa

from harvest.batches import Film, iter_batches, iter_films
from harvest.config import HarvestConfig
from harvest.errors import Reason, Stage
from harvest.forgotten import Forgotten
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.localization import Localizer
from harvest.manifest import Shard
from harvest.records import Rejection
from harvest.rewrite import DUPLICATE_MESSAGE
from harvest.rows import ShardRows
from harvest.sources import Source


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
        seconds: wall time by stage; ``wait_decode`` is time the network waited for films.
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
    """Adds up wall time by stage."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = {}

    def timed(self, stage: str, items: Iterator[list[Film]]) -> Iterator[list[Film]]:
        """Pass items through, counting the time that each took to come."""
        while True:
            start = time.perf_counter()
            batch = next(items, None)
            self.add(stage, start)
            if batch is None:
                return
            yield batch

    def add(self, stage: str, start: float) -> None:
        """Add the time since ``start`` (``time.perf_counter``)."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


def harvest_shard(shard: Shard, context: HarvestContext) -> ShardSummary:
    """Read, decode, localize and commit one shard.

    What is wrong with an object is a row of ``rejections``; only what is wrong with the lake or the machine raises.
    """
    computed = compute_shard(shard, context.bench)
    return commit_shard(computed, context.lake, context.bench.keys.config_fingerprint)


def compute_shard(shard: Shard, bench: Workbench) -> ComputedShard:
    """Read, decode and localize one shard; nothing is written."""
    clock = StageClock()
    rows = ShardRows(bench.keys)
    predictor = bench.localizer.predictor
    input_hw = predictor.spec.network.input_hw
    config = bench.config
    decoded = iter_films(bench.source, shard.objects, config.decode, input_hw, config.engine.decode_workers)
    films = (bench.forgotten.refuse(film, bench.keys.site_key) for film in decoded)
    for batch in clock.timed("wait_decode", iter_batches(films, predictor.batch_size)):
        start = time.perf_counter()
        _harvest_batch(batch, bench.localizer, rows)
        clock.add("localize", start)
    boxes = Counter(row["finding"] for row in rows.rows["boxes"])
    summary = ShardSummary(shard.shard_id, len(shard.objects), rows.states, rows.reasons, boxes, clock.seconds)
    return ComputedShard(rows.tables(), summary)


def commit_shard(computed: ComputedShard, lake: Lake, fingerprint: str) -> ShardSummary:
    """Write a shard's part files; their names follow from shard and settings, so repeating it replaces its rows.

    Raises:
        LakeLockedError: this process is the lake's writer no more.
    """
    start, summary = time.perf_counter(), computed.summary
    lake.commit_shard(fingerprint, summary.shard_id, computed.tables)
    return replace(summary, seconds=summary.seconds | {"commit": time.perf_counter() - start})


def _harvest_batch(batch: list[Film], localizer: Localizer, rows: ShardRows) -> None:
    films = [_without_repeat(film, rows) for film in batch]
    accepted = [film for film in films if film.rejection is None]
    for film in films:
        if film.rejection is not None:
            rows.add_rejected(film)
    for film, results in zip(accepted, localizer.localize(accepted) if accepted else [], strict=True):
        if results is None:
            failed = Rejection(Reason.NETWORK_FAILED, Stage.PREDICT, "The network's output is not finite.")
            rows.add_rejected(replace(film, rejection=failed))
        else:
            rows.add_predicted(film, results)


def _without_repeat(film: Film, rows: ShardRows) -> Film:
    """Reject a film that is the same instance as an earlier one of the shard; ``settle`` does so across shards."""
    if film.rejection is not None or not rows.is_duplicate(film):
        return film
    return replace(film, rejection=Rejection(Reason.DUPLICATE_INSTANCE, Stage.SETTLE, DUPLICATE_MESSAGE))
