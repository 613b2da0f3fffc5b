"""A run whose shards several processes compute, on any machine that sees the lake; the lake's one writer commits them.

They meet in a folder of the lake's ``private/`` and need no network between them. A shard belongs to whoever claims it
first; a claim is a lease like the writer's (``harvest.writer``), so that of a dead process is free again. What is
computed lies there as part files until the writer commits it. The writer computes, too: without helpers a run is done
all the same, only later. A shard that is computed twice has the same rows, so the first one counts.
"""

import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow.parquet as pq
from filelock import SoftFileLease, Timeout
from pydantic import ConfigDict, TypeAdapter

from harvest.files import TEMPORARY, discard
from harvest.lake import WRITE_ORDER, Lake, open_lake, write_part
from harvest.manifest import Shard
from harvest.open_run import Harvest, OpenRun, Summon
from harvest.pipeline import ComputedShard, ShardSummary, commit_shard
from harvest.worker import Job, compute, describe
from harvest.writer import AT_ONCE_S, LEASE_S
from models.spec import Frozen

DEFAULT_WORKERS = 2
ORDER = "order.json"
SUMMARY = "summary.json"
_SUMMARY = TypeAdapter(ShardSummary)


class Order(Frozen):
    """What is to be done: how shards are computed, and which, in the plan's order. It holds the site key."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    job: Job
    shards: tuple[Shard, ...]


class SharedWork:
    """The folder of a run's shared work.

    Attributes:
        folder: it is there as long as the work goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._done: set[str] = set()

    @property
    def goes_on(self) -> bool:
        """Whether the writer still wants shards."""
        return (self.folder / ORDER).exists()

    def is_done(self, shard: Shard) -> bool:
        """Tell whether a shard was computed, be it committed already or not."""
        if shard.shard_id not in self._done and self._place(shard).is_dir():
            self._done.add(shard.shard_id)
        return shard.shard_id in self._done

    @contextmanager
    def claim(self, shard: Shard, patience: float = 0.0) -> Iterator[bool]:
        """Try to become the one who computes a shard; yield whether that is so and it is not done.

        Args:
            shard: of the work.
            patience: seconds to wait for another one to be done, or dead.
        """
        lease = SoftFileLease(self._place(shard).with_suffix(".lock"), lease_duration=LEASE_S)
        try:
            lease.acquire(timeout=patience, poll_interval=0.05)
        except Timeout:
            yield False
            return
        try:
            yield self.goes_on and not self.is_done(shard)
        finally:
            lease.release()

    def put(self, computed: ComputedShard) -> None:
        """Lay a computed shard down; it appears whole, or not at all where the work is over or it was done before."""
        name = computed.summary.shard_id
        temporary = self.folder / f"{TEMPORARY}{name}-{secrets.token_hex(4)}"
        temporary.mkdir()
        for table in WRITE_ORDER:
            write_part(temporary / f"{table}.parquet", computed.tables[table], table)
        (temporary / SUMMARY).write_bytes(_SUMMARY.dump_json(computed.summary))
        try:
            temporary.rename(self.folder / name)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            if not (self.folder / name).is_dir():
                raise

    def take(self, shard: Shard) -> ComputedShard | None:
        """Return a computed shard, None where it is not there (yet, or any more)."""
        place = self._place(shard)
        if not (place / SUMMARY).exists():
            return None
        tables = {table: pq.read_table(place / f"{table}.parquet") for table in WRITE_ORDER}
        return ComputedShard(tables, _SUMMARY.validate_json((place / SUMMARY).read_bytes()))

    def clear(self, shard: Shard) -> None:
        """Drop the rows of a shard that was committed; that it is done stays known."""
        place = self._place(shard)
        (place / SUMMARY).unlink()
        for path in place.iterdir():
            path.unlink()

    def forget(self, shard: Shard) -> None:
        """Have a shard computed again that was cleared."""
        if self.is_done(shard) and not (self._place(shard) / SUMMARY).exists():
            shutil.rmtree(self._place(shard))
            self._done.remove(shard.shard_id)

    def _place(self, shard: Shard) -> Path:
        return self.folder / shard.shard_id


@contextmanager
def harvest_together(run: OpenRun, summon: Summon) -> Iterator[Harvest]:
    """Yield what has a shard computed, here or by a helper, and commits it.

    Raises:
        WorkerError: this process does not compute what it thinks.
    """
    job = describe(run, run.request.runner.workers or DEFAULT_WORKERS)
    shards = run.plan.shards
    with _opened(run.lake, Order(job=job, shards=shards)) as work:
        summon(work.folder.name)

        def harvest(shard: Shard) -> ShardSummary:
            work.forget(shard)
            while (computed := work.take(shard)) is None:
                if not _compute_next(work, job, [shard, *shards]):
                    _await(work, job, shard)
            summary = commit_shard(computed, run.lake, run.keys.config_fingerprint)
            work.clear(shard)
            return summary

        yield harvest


def help_out(lake: Path, name: str) -> int:
    """Compute shards of a run until none is left or it ends; return how many.

    Args:
        lake: whose writer asked for help.
        name: of the work, as it told.

    Raises:
        WorkerError: this process would give other rows.
        ArchiveError: the archive cannot be read from here.
    """
    work, done = SharedWork(open_lake(lake).shared_work / name), 0
    try:
        order = Order.model_validate_json((work.folder / ORDER).read_bytes())
        while work.goes_on and _compute_next(work, order.job, order.shards):
            done += 1
    except FileNotFoundError:
        if work.goes_on:
            raise
    return done


def _compute_next(work: SharedWork, job: Job, shards: Iterable[Shard]) -> bool:
    """Compute the first of the shards that nobody has claimed; return whether there was one."""
    for shard in shards:
        if not work.is_done(shard):
            with work.claim(shard) as mine:
                if mine:
                    work.put(compute(shard, job))
                    return True
    return False


def _await(work: SharedWork, job: Job, shard: Shard) -> None:
    """Wait until a shard is done that another process has claimed; where that one dies, compute it."""
    with work.claim(shard, patience=AT_ONCE_S + 1.5 * LEASE_S) as mine:
        if mine:
            work.put(compute(shard, job))


@contextmanager
def _opened(lake: Lake, order: Order) -> Iterator[SharedWork]:
    home = lake.shared_work
    home.mkdir(exist_ok=True)
    work = SharedWork(home / secrets.token_hex(8))
    prepared = home / f"{TEMPORARY}{work.folder.name}"
    prepared.mkdir()
    (prepared / ORDER).write_text(order.model_dump_json(), encoding="utf-8")
    prepared.rename(work.folder)
    try:
        yield work
    finally:
        discard(work.folder)
        with suppress(OSError):  # another writer's, where this one was replaced
            home.rmdir()
