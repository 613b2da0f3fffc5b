"""A run: list the archive, plan, harvest shard by shard, settle, publish.

``run_harvest`` composes the steps in process; a scheduler composes the same ones. Nothing here starts torch until a
shard is to be harvested, so a run that finds nothing new ends in seconds.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from harvest.annotations import read_label_table
from harvest.compact import compact
from harvest.crew import crew
from harvest.engine import resolve_engine
from harvest.errors import ArchiveError, IamHarvestError, LakeLockedError, RejectionRateError
from harvest.forgotten import read_forgotten
from harvest.keys import RunKeys
from harvest.labels import attach_labels
from harvest.lake import SNAPSHOT, Lake, writing
from harvest.manifest import Plan, plan_shards, read_harvested, read_plan, write_plan
from harvest.publish import publish
from harvest.records import ArchiveObject
from harvest.request import RunRequest, RunSummary
from harvest.run_record import (
    Pace,
    RunRecord,
    Status,
    close_dead_records,
    finish_record,
    new_run_id,
    start_record,
    unfinished_run,
)
from harvest.settle import settle
from harvest.site_key import lake_site_key
from harvest.sources import Source, may_be_empty, open_source
from harvest.stages import total_seconds
from harvest.whereabouts import remember_archive
from models.bundle_files import read_bundle_spec

if TYPE_CHECKING:
    from harvest.pipeline import HarvestContext, ShardSummary

__all__ = ["Observer", "RunRequest", "RunSummary", "Session", "open_session", "run_harvest"]

JUDGED_AFTER = 100
"""Objects after which the rejection rate is judged."""


class Session:
    """An open run: the plan is made and the lake is locked. From ``open_session``."""

    def __init__(self, request: RunRequest, lake: Lake, source: Source) -> None:
        """List the archive and plan; a run that was cut off goes on with its own plan.

        Raises:
            ArchiveError: the archive holds no files.
        """
        self.request, self.lake, self.source = request, lake, source
        self._started = time.monotonic()
        self.spec, digest = read_bundle_spec(request.model)
        self.engine = resolve_engine(request.config.engine).name
        self.keys = self._keys(digest)
        self.forgotten = read_forgotten(lake)
        self.plan = self._plan()
        self._summaries: list[ShardSummary] = []
        self._open = False
        self.finished: RunSummary | None = None
        """What finishing it gave; None before."""

    def _keys(self, digest: str) -> RunKeys:
        config = self.request.config
        key = lake_site_key(self.lake, self.request.site_key)
        new = RunKeys(
            new_run_id(), digest, config.fingerprint(digest, self.engine), self.source.name, config.identifiers, key
        )
        unfinished = unfinished_run(self.lake, new.config_fingerprint, new.public_archive)
        self._goes_on = unfinished is not None
        return replace(new, run_id=unfinished or new.run_id)

    def _plan(self) -> Plan:
        harvested = read_harvested(self.lake, self.keys.config_fingerprint, self.source.name)
        earlier = read_plan(self.lake, self.keys.run_id)
        size = self.request.config.storage.shard_size
        listing = self.forgotten.still_listed(_listing(self.request, self.source), self.keys)
        plan = plan_shards(listing, harvested, earlier, size, self.keys.site_key)
        if not plan.listed and not may_be_empty(self.source):
            raise ArchiveError(f"The archive {self.request.archive} holds no files; check the path.")
        return plan

    def start(self) -> None:
        """Write the run's record and plan, and an empty snapshot where there is none."""
        if not (self.lake.root / SNAPSHOT).exists():
            publish(self.lake.root)
        close_dead_records(self.lake, but=self.keys.run_id)
        if self.plan.shards or self._goes_on:
            start_record(self.lake, self.keys, self.spec, self.engine, self.request.config)
            self._open = True
            remember_archive(self.lake, self.source.name, self.request.root or self.request.archive)
            write_plan(self.lake, self.keys.run_id, self.plan)

    def context(self) -> "HarvestContext":
        """Load the network."""
        from harvest.localization import Localizer
        from harvest.pipeline import HarvestContext, Workbench
        from harvest.predict import Predictor
        from models.bundle import load_bundle

        predictor = Predictor(load_bundle(self.request.model), self.request.config.engine)
        localizer = Localizer(predictor, self.request.config)
        bench = Workbench(self.source, localizer, self.keys, self.request.config, self.forgotten)
        return HarvestContext(bench, self.lake)

    def add(self, summary: "ShardSummary") -> None:
        """Take note of a finished shard.

        Raises:
            RejectionRateError: more was rejected than the settings allow; the run's shards are removed.
        """
        self._summaries.append(summary)
        objects = sum(one.objects for one in self._summaries)
        states = sum((one.states for one in self._summaries), Counter[str]())
        rate = states["rejected"] / states.total()
        if objects >= JUDGED_AFTER and rate > self.request.config.max_rejection_rate:
            self._abort()
            raise RejectionRateError(
                f"{states['rejected']} of {states.total()} instances were rejected, more than "
                f"{self.request.config.max_rejection_rate:.0%}; nothing was published. Look at the archive, or raise "
                f"--max-rejection-rate. Reasons: {dict(sum((one.reasons for one in self._summaries), Counter[str]()))}."
            )

    @property
    def _whole(self) -> bool:
        """Whether what is missing from the listing has vanished, rather than been out of sight."""
        return self.request.limit is None and self.source.lists_everything

    @property
    def _pace(self) -> Pace:
        films = sum(one.objects for one in self._summaries)
        return Pace(films, time.monotonic() - self._started, total_seconds(one.seconds for one in self._summaries))

    def _abort(self) -> None:
        ledger = self.lake.read_column_set("crosswalk", self.keys.config_fingerprint, ["run_id"]).to_pylist()
        for shard_id in {row["shard_id"] for row in ledger if row["run_id"] == self.keys.run_id}:
            self.lake.remove_shard(self.keys.config_fingerprint, shard_id)
        self._close("aborted")

    def _close(self, status: Status) -> RunRecord:
        self._open = False
        return finish_record(self.lake, self.keys, status, self._pace)

    def fail(self) -> None:
        """Say in the record that the run was cut off; as far as that can still be written."""
        with suppress(OSError, IamHarvestError):
            if self._open:
                self._close("failed")

    def finish(self) -> RunSummary:
        """Settle, close the record, publish, report; a run that found nothing new does only what is left to do.

        Where shards of the plan were left out, the run is paused, and the next one goes on with them.
        """
        from harvest.report.write import write_report

        settle(self.lake, self.keys, self.plan, self._whole)
        record = None
        if self._open:
            whole = len(self._summaries) == len(self.plan.shards)
            record = self._close("complete" if whole else "paused")
        if self.lake.unpublished:
            publish(self.lake.root)
            write_report(self.lake, self.request.report)
            self.lake.mark_published()  # last, so that a kill before it leaves no stale page
        if record:
            compact(self.lake, self.keys, self.request.config.storage.shard_size)
        self.finished = RunSummary(
            lake=self.lake.root,
            objects=len(self.plan.listed),
            harvested=sum(one.objects for one in self._summaries),
            states=sum((one.states for one in self._summaries), Counter[str]()),
            reasons=sum((one.reasons for one in self._summaries), Counter[str]()),
            findings=sum((one.findings for one in self._summaries), Counter[str]()),
            seconds=total_seconds(one.seconds for one in self._summaries),
            record=record,
        )
        return self.finished


class Observer(Protocol):
    """Who watches a run; every method may do nothing."""

    def on_plan(self, session: Session) -> None:
        """Told once, before the first shard."""

    def on_shard(self, summary: "ShardSummary") -> None:
        """Told after each shard."""


@contextmanager
def open_session(request: RunRequest) -> Iterator[Session]:
    """Open archive, bundle and lake, and plan.

    Raises:
        IamHarvestError: one of them cannot be used; nothing was written then, except that an empty lake may remain.
    """
    source = open_source(request.archive, request.archive_name, request.root, request.config.archive)
    read_bundle_spec(request.model)
    with writing(request.lake, request.site_key) as lake:
        session = Session(request, lake, source)
        try:
            yield session
        except LakeLockedError:
            raise  # the record is the new writer's
        except BaseException:
            session.fail()
            raise


def run_harvest(request: RunRequest, observer: Observer | None = None) -> RunSummary:
    """Harvest an archive into a lake, in this process.

    Raises:
        IamHarvestError: the run cannot start, or too much was rejected.
    """
    with open_session(request) as session:
        session.start()
        if observer:
            observer.on_plan(session)
        if session.plan.shards:
            with crew(session) as harvest:
                for shard in session.plan.shards:
                    summary = harvest(shard)
                    session.add(summary)
                    if observer:
                        observer.on_shard(summary)
        return session.finish()


def _listing(request: RunRequest, source: Source) -> Iterator[ArchiveObject]:
    objects = islice(source.iter_objects(), request.limit)
    return attach_labels(objects, read_label_table(request.labels)) if request.labels else objects
