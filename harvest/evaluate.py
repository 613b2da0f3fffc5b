"""Evaluate a bundle or a lake: harvest if need be, score, write ``metrics.json`` and the page.

A bundle is evaluated by harvesting the films into a lake of its own and scoring that lake, so the figures of a bundle
and of a lake harvested with it are the same ones.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harvest.annotations import film_stem, read_label_table
from harvest.config import LABELED_FILMS, EngineConfig, GateConfig, HarvestConfig
from harvest.errors import BundleError, SettingsError
from harvest.evaluation.lake_films import read_lake_films
from harvest.evaluation.of_lake import Evaluation, EvaluationRequest, evaluate_lake
from harvest.evaluation.page import render_page
from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.labels import attach_labels
from harvest.lake import Lake, writing
from harvest.localization import Localizer
from harvest.manifest import Shard
from harvest.pipeline import HarvestContext, ShardSummary, Workbench, harvest_shard
from harvest.predict import Predictor
from harvest.sources import open_source
from models.bundle import load_bundle
from models.bundle_files import read_bundle_spec, shipped_bundles
from models.spec import BundleSpec

METRICS_FILE = "metrics.json"
PAGE_FILE = "evaluation.html"
Observer = Callable[[ShardSummary, int, int], None]
"""Called after each shard with what became of it, films done and films in all."""


@dataclass(frozen=True)
class EvaluationHarvest:
    """A harvest that is about to be made for an evaluation."""

    shards: tuple[Shard, ...]
    context: HarvestContext
    spec: BundleSpec

    @property
    def films(self) -> int:
        """Number of objects."""
        return sum(len(shard.objects) for shard in self.shards)


def evaluate_bundle(
    model: str, request: EvaluationRequest, engine: EngineConfig | None = None, observe: Observer | None = None
) -> Evaluation:
    """Harvest the films that the label table describes, gated by their labels, and score the boxes.

    Args:
        model: directory or name of a bundle.
        request: needs ``images`` and ``labels``.
        engine: device and precision.
        observe: hears of the progress.

    Raises:
        SettingsError: images or labels are missing from the request.
        IamHarvestError: bundle, tables or images cannot be used.
    """
    with evaluation_lake() as lake:
        harvest = plan_evaluation(model, request, lake, engine or EngineConfig())
        done = 0
        for shard in harvest.shards:
            summary = harvest_shard(shard, harvest.context)
            done += summary.objects
            if observe is not None:
                observe(summary, done, harvest.films)
        return evaluate_lake(lake.root, request, harvest.spec)


@contextmanager
def evaluation_lake() -> Iterator[Lake]:
    """Make a lake for the length of an evaluation."""
    with TemporaryDirectory(prefix="iam-evaluate-") as folder, writing(Path(folder) / "lake") as lake:
        yield lake


def plan_evaluation(model: str, request: EvaluationRequest, lake: Lake, engine: EngineConfig) -> EvaluationHarvest:
    """List the films that the label table describes (of the wanted splits) and load the bundle.

    Args:
        model: directory or name of a bundle.
        request: needs ``images`` and ``labels``.
        lake: of :func:`evaluation_lake`.
        engine: device and precision.
    """
    if request.images is None or request.labels is None:
        raise SettingsError("To evaluate a bundle give --images and --labels, or evaluate a --lake harvested with it.")
    config = HarvestConfig(identifiers="keep", gate=GateConfig(mode="labels"), engine=engine, decode=LABELED_FILMS)
    bundle, source = load_bundle(model), open_source(str(request.images))
    localizer = Localizer(Predictor(bundle, engine), config)
    stems = request.split_stems()
    table = read_label_table(request.labels, request.lenient)
    described = attach_labels(source.iter_objects(), table)
    objects = [one for one in described if one.labels is not None and (stems is None or film_stem(one.path) in stems)]
    fingerprint = config.fingerprint(bundle.digest, localizer.predictor.engine.name)
    keys = RunKeys("evaluation", bundle.digest, fingerprint, source.name, "keep", SiteKey(secrets.token_bytes(32)))
    size = config.storage.shard_size
    starts = range(0, len(objects), size)
    shards = tuple(Shard(f"{start:08d}", tuple(objects[start : start + size])) for start in starts)
    bench = Workbench(source, localizer, keys, config)
    return EvaluationHarvest(shards, HarvestContext(bench, lake), bundle.spec)


def evaluate_harvest(lake: Path, request: EvaluationRequest, model: str | None = None) -> Evaluation:
    """Score a lake that was harvested earlier.

    Args:
        lake: folder of the lake.
        request: tables and settings.
        model: the bundle that harvested it; None: a shipped one with the lake's digest, and where there is none the
            figures that need the maps are left out.

    Raises:
        BundleError: the bundle is not the one that harvested the lake.
    """
    return evaluate_lake(lake, request, _lake_spec(read_lake_films(lake).settings[0], model))


def write_evaluation(evaluation: Evaluation, out: Path) -> tuple[Path, Path]:
    """Write ``metrics.json`` and the page; return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    metrics, page = out / METRICS_FILE, out / PAGE_FILE
    metrics.write_text(json.dumps(evaluation.metrics, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(render_page(evaluation.metrics, evaluation.shown), encoding="utf-8")
    return metrics, page


def _lake_spec(digest: str, model: str | None) -> BundleSpec | None:
    for name in shipped_bundles() if model is None else (model,):
        spec, found = read_bundle_spec(name)
        if found == digest:
            return spec
    if model is None:
        return None
    raise BundleError(f"The lake was harvested with the bundle {digest[:16]}, not with {model} ({found[:16]}).")
