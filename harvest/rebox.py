"""Boxes cut again from the stored maps of a lake, into another lake: no network, no archive.

The current run's settings are taken, with other thresholds, merge, order, number or gate laid over them. Unchanged
settings give the same rows, since a run cuts its boxes from the stored maps as well.
"""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from harvest.bucket.home import address_of
from harvest.config import BoxConfig, FindingConfig, GateConfig, HarvestConfig, apply_overrides
from harvest.errors import LakeError, SettingsError
from harvest.keys import RunKeys
from harvest.lake import Lake, open_lake, writing
from harvest.publish import publish
from harvest.rebox_shard import Recipe, find_rows, rebox_tables
from harvest.run_record import RunRecord, finish_record, latest_complete_run, new_run_id, start_record
from harvest.site_key import lake_site_key
from harvest.whereabouts import archive_locations, remember_archive
from models.spec import BundleSpec, Frozen

SHARDS_PER_PROCESS = 16
"""No process is started for fewer: its start costs as much as some shards."""


class ReboxConfig(Frozen):
    """What may differ from the run that stored the maps; the sections are those of a harvest's settings."""

    gate: GateConfig | None = None
    boxes: BoxConfig = BoxConfig()
    findings: dict[str, FindingConfig] = Field(default_factory=dict)

    def over(self, config: HarvestConfig) -> HarvestConfig:
        """Return a run's settings with these laid over them."""
        findings = config.findings | {
            name: FindingConfig.model_validate(
                config.findings.get(name, FindingConfig()).model_dump() | own.model_dump(exclude_none=True)
            )
            for name, own in self.findings.items()
        }
        boxes = config.boxes.model_copy(update=self.boxes.model_dump(exclude_none=True))
        return config.model_copy(update={"gate": self.gate or config.gate, "boxes": boxes, "findings": findings})


@dataclass(frozen=True)
class ReboxSummary:
    """What was written: the run's record, and boxes by finding before and after."""

    record: RunRecord
    before: Counter[str]
    after: Counter[str]


def rebox(source: Path, out: Path, settings: ReboxConfig | None = None) -> ReboxSummary:
    """Cut the boxes of a lake's current run again.

    Args:
        source: directory of the lake; it is not changed.
        out: directory of the lake to write, made where there is none.
        settings: what is to differ; nothing when None.

    Raises:
        LakeError: there is no lake, no complete run, or ``out`` is the same lake.
        SettingsError: a setting is impossible, or it asks for boxes of which no map is stored.
    """
    lake = open_lake(source)
    if address_of(out.resolve()) == address_of(source.resolve()):
        raise LakeError("A lake is not cut anew into itself; give another folder with --out.")
    record = latest_complete_run(lake)
    with writing(out, lake.private / "site.key") as target:
        recipe = _recipe(lake, target, record, settings or ReboxConfig())
        for archive, location in archive_locations(lake).items():
            remember_archive(target, archive, location)
        start_record(target, recipe.keys, recipe.bundle, record["engine"], recipe.config)
        before: Counter[str] = Counter()
        after: Counter[str] = Counter()
        for was, now in _rebox_shards(lake, target, recipe):
            before.update(was)
            after.update(now)
        finished = finish_record(target, recipe.keys, "complete")
        publish(out)
        target.mark_published()
    return ReboxSummary(finished, before, after)


def _rebox_shards(lake: Lake, target: Lake, recipe: Recipe) -> Iterator[tuple[Counter[str], Counter[str]]]:
    """Rebox every shard, many of them in several processes; yields boxes by finding before and after."""
    shards = lake.shards(recipe.fingerprint)
    target.mark_unpublished()
    work = partial(_rebox_and_commit, lake, Lake(target.root), recipe)  # the writer's lock stays with this process
    processes = min(os.cpu_count() or 1, len(shards) // SHARDS_PER_PROCESS)
    if processes < 2:
        yield from map(work, shards)
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(work, shards)


def _rebox_and_commit(lake: Lake, target: Lake, recipe: Recipe, shard_id: str) -> tuple[Counter[str], Counter[str]]:
    tables = lake.read_shard(recipe.fingerprint, shard_id)
    new = rebox_tables(tables, recipe)
    target.commit_shard(recipe.keys.config_fingerprint, shard_id, new)
    return Counter(tables["boxes"]["finding"].to_pylist()), Counter(new["boxes"]["finding"].to_pylist())


def _recipe(lake: Lake, target: Lake, record: RunRecord, settings: ReboxConfig) -> Recipe:
    """Names and rules; nothing is written before all of them are known to be possible."""
    config = settings.over(HarvestConfig.model_validate(record["config"]))
    bundle = BundleSpec.model_validate(record["bundle_spec"])
    digest, engine = record["model_digest"], record["engine"]
    key_file = lake.private / "site.key"
    if not key_file.exists():
        raise LakeError(f"The private folder of {lake.root} is missing; rebox where the lake was harvested.")
    keys = RunKeys(
        new_run_id(), digest, config.fingerprint(digest, engine), "", config.identifiers,
        lake_site_key(target, key_file),
    )  # fmt: skip
    recipe = Recipe(record["config_fingerprint"], keys, bundle, config, apply_overrides(bundle, config))
    _require_maps(lake, recipe)
    return recipe


def _require_maps(lake: Lake, recipe: Recipe) -> None:
    columns = ["instance_key", "finding", "probability", "labeled"]
    predictions = lake.read_column_set("predictions", recipe.fingerprint, columns)
    wanted = predictions.filter(pa.array(recipe.gated(predictions)))
    stored = lake.read_column_set("attention", recipe.fingerprint, ["instance_key", "finding"])
    missing = int((find_rows(wanted, stored) < 0).sum())
    if missing:
        raise SettingsError(
            f"The lake holds no maps for {missing} of the findings that these settings would box: maps are stored "
            f"above a probability of {recipe.config.storage.attention_above:g}. Raise the gate, or harvest again."
        )
