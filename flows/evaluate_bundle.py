"""The Prefect flow of an evaluation: one task per shard of films, one that scores; a table of means as artifact."""

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from harvest.config import EngineConfig
from harvest.evaluate import evaluation_lake, plan_evaluation
from harvest.evaluation.of_lake import Evaluation, EvaluationRequest, evaluate_lake
from harvest.evaluation.published import MEAN
from harvest.manifest import Shard
from harvest.pipeline import HarvestContext, ShardSummary, harvest_shard
from models.spec import BundleSpec


@task(name="harvest-shard", task_run_name="films {label}", cache_policy=NO_CACHE)
def harvest_one(label: str, shard: Shard, context: HarvestContext) -> ShardSummary:
    """Harvest a shard of films into the evaluation's own lake."""
    return harvest_shard(shard, context)


@task(name="score", cache_policy=NO_CACHE)
def score(lake: Path, request: EvaluationRequest, spec: BundleSpec) -> Evaluation:
    """Score the lake and leave the mean Acc of every protocol as a table."""
    evaluation = evaluate_lake(lake, request, spec)
    create_table_artifact(mean_rows(evaluation.metrics), key="evaluation-means", description=f"Mean Acc of {spec.name}")
    return evaluation


@flow(name="evaluate-bundle", flow_run_name="evaluate {model}", validate_parameters=False)
def evaluate_bundle(model: str, request: EvaluationRequest, engine: EngineConfig) -> Evaluation:
    """Harvest the films that the label table describes, and score the boxes.

    Args:
        model: directory or name of a bundle.
        request: tables, images, split.
        engine: device and precision.
    """
    with evaluation_lake() as lake:
        harvest = plan_evaluation(model, request, lake, engine)
        for number, shard in enumerate(harvest.shards, start=1):
            harvest_one(f"{number} of {len(harvest.shards)}", shard, harvest.context)
        return score(lake.root, request, harvest.spec)


def mean_rows(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the mean Acc of every protocol, one row per protocol, overlap and T."""
    return [
        {"protocol": protocol, "overlap": overlap, "T": threshold, **values[MEAN]}
        for protocol, overlaps in metrics["protocols"].items()
        for overlap, by_threshold in overlaps.items()
        for threshold, values in by_threshold.items()
    ]
