"""The pipeline: one shard of an archive to rows of the lake.

``harvest_shard`` is a plain function: it runs in a test, a notebook, a thread, under a scheduler or on a cluster alike.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from harvest.batches import Film, iter_batches, iter_films
from harvest.config import HarvestConfig
from harvest.errors import Reason, Stage
from harvest.forget import read_forgotten
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.localization import Localizer
from harvest.manifest import Shard
from harvest.records import Rejection
from harvest.rewrite import DUPLICATE_MESSAGE
from harvest.rows import ShardRows
from harvest.sources import Source


@dataclass(frozen=True)
class HarvestContext:
    """Everything a shard needs beside its objects."""

    source: Source
    lake: Lake
    localizer: Localizer
    keys: RunKeys
    config: HarvestConfig


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

    The part files appear under names that follow from shard and settings, so repeating a shard replaces its rows.
    What is wrong with an object is a row of ``rejections``; only what is wrong with the lake or the machine raises.
    """
    clock = StageClock()
    rows = ShardRows(context.keys)
    predictor = context.localizer.predictor
    input_hw = predictor.spec.network.input_hw
    engine = context.config.engine
    decoded = iter_films(context.source, shard.objects, context.config.decode, input_hw, engine.decode_workers)
    forgotten = read_forgotten(context.lake)
    films = (forgotten.refuse(film, context.keys.site_key) for film in decoded)
    for batch in clock.timed("wait_decode", iter_batches(films, predictor.batch_size)):
        start = time.perf_counter()
        _harvest_batch(batch, context.localizer, rows)
        clock.add("localize", start)
    start = time.perf_counter()
    context.lake.commit_shard(context.keys.config_fingerprint, shard.shard_id, rows.tables())
    clock.add("commit", start)
    boxes = Counter(row["finding"] for row in rows.rows["boxes"])
    return ShardSummary(shard.shard_id, len(shard.objects), rows.states, rows.reasons, boxes, clock.seconds)


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
