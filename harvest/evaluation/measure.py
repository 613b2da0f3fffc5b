"""All figures of one evaluation, and the same as plain values for ``metrics.json``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from harvest.evaluation.bootstrap import (
    RESAMPLES,
    SEED,
    Estimate,
    Figures,
    Scores,
    image_means,
    resample_patients,
    score,
)
from harvest.evaluation.cases import FindingCase, Integers, build_cases, patients_of
from harvest.evaluation.discrimination import auc, auc_samples
from harvest.evaluation.extras import best_box_iou, first_box_iou, pointing_hits
from harvest.evaluation.lake_films import LabeledProbabilities
from harvest.evaluation.protocols import RULES, WANG_RULES, Tally
from harvest.evaluation.published import MEAN
from harvest.evaluation.records import EvaluationSet, HarvestedBox, Peak
from models.findings import FINDINGS

DEFINITIONS = {
    "accuracy": "annotated boxes of the finding hit by a taken box with overlap > T / annotated boxes of the finding",
    "afp_per_image_of_finding": "taken boxes that hit nothing / images with an annotated box of the finding",
    "afp_per_annotated_box": "taken boxes that hit nothing / annotated boxes of all findings (984 in Wang et al.)",
    "iam-table2": "list B cut off at Wang's AFP at the same T, per image of the finding (Cai et al. 2018, table 2)",
    "iam-all-boxes": "all boxes of list B (Cai et al. 2018, tables 1 and 3)",
    "wang-all-boxes": "one box per isolated region at 60 and 180 of 255 (Wang et al. 2017, tables 4 and 7)",
    "pointing_game": "films whose heatmap is largest inside an annotated box of the finding / images of the finding",
    "first_box_iou": "mean over images of the IoU of the first box with the annotated box it fits best",
    "best_box_iou": "mean over images of the largest IoU of any box",
    "auc": "area under the ROC curve of the probability, over films that the label table describes",
    "low, high": "95 % percentile interval over resampled patients",
}


@dataclass(frozen=True)
class Sampling:
    """How intervals are made."""

    resamples: int = RESAMPLES
    seed: int = SEED


@dataclass(frozen=True)
class MapReadings:
    """What only the stored maps can say: boxes cut as Wang et al. do, and the heatmaps' maxima."""

    wang: Sequence[HarvestedBox]
    peaks: Sequence[Peak]


@dataclass(frozen=True)
class Measured:
    """The figures of one system.

    Attributes:
        cases: per finding with annotated boxes.
        scores: Acc and AFP under every rule.
        figures: the other figures, by name.
        patients: with annotated boxes.
    """

    cases: tuple[FindingCase, ...]
    scores: tuple[Scores, ...]
    figures: Mapping[str, Figures]
    patients: int
    sampling: Sampling


def measure(
    evaluated: EvaluationSet,
    readings: MapReadings | None = None,
    probabilities: Mapping[str, LabeledProbabilities] | None = None,
    sampling: Sampling | None = None,
) -> Measured:
    """Score one system; what it needs and does not get (maps, labels) is left out, not guessed."""
    sampling = sampling or Sampling()
    cases, patients = build_cases(evaluated), len(patients_of(evaluated))
    draws = resample_patients(patients, sampling.resamples, sampling.seed)
    scores = [score(cases, rule, draws) for rule in RULES]
    figures = {
        "first_box_iou": image_means(cases, [first_box_iou(case) for case in cases], draws),
        "best_box_iou": image_means(cases, [best_box_iou(case) for case in cases], draws),
    }
    if readings is not None:
        recut = build_cases(EvaluationSet(evaluated.patients, evaluated.annotated, readings.wang))
        scores += [score(recut, rule, draws) for rule in WANG_RULES]
        hits = [pointing_hits(case, evaluated.annotated, readings.peaks) for case in cases]
        figures["pointing_game"] = image_means(cases, hits, draws)
    if probabilities:
        figures["auc"] = _auc_figures(probabilities, sampling)
    return Measured(cases, tuple(scores), figures, patients, sampling)


def to_metrics(measured: Measured) -> dict[str, Any]:
    """Return the figures as ``metrics.json`` holds them: ``protocols[protocol][overlap][T][finding or "mean"]``."""
    annotated = sum(len(case.annotation_image) for case in measured.cases)
    protocols: dict[str, dict[str, dict[str, Any]]] = {}
    for one in measured.scores:
        by_overlap = protocols.setdefault(one.rule.protocol, {}).setdefault(one.rule.overlap, {})
        by_overlap[f"{one.rule.threshold:g}"] = _score_values(one, annotated)
    return {
        "annotated_boxes": annotated,
        "patients": measured.patients,
        "findings": {case.finding: _case_values(case) for case in measured.cases},
        "bootstrap": {"unit": "patient", **asdict(measured.sampling), "interval": "percentile, 95 %"},
        "definitions": DEFINITIONS,
        "protocols": protocols,
        "figures": {name: _figure_values(one) for name, one in measured.figures.items()},
    }


def _auc_figures(probabilities: Mapping[str, LabeledProbabilities], sampling: Sampling) -> Figures:
    names = [name for name in FINDINGS if name in probabilities and 0 < probabilities[name].positive.mean() < 1]
    patients = sorted({patient for name in names for patient in probabilities[name].patients})
    index = {patient: number for number, patient in enumerate(patients)}
    draws = resample_patients(len(patients), sampling.resamples, sampling.seed)
    return Figures(
        findings=tuple(names),
        values=np.array([auc(probabilities[name].probability, probabilities[name].positive) for name in names]),
        samples=np.stack([_auc_samples(probabilities[name], index, draws) for name in names], axis=1)
        if names
        else np.zeros((sampling.resamples, 0)),
    )


def _auc_samples(one: LabeledProbabilities, index: Mapping[str, int], draws: Integers) -> np.ndarray:
    patient = np.array([index[name] for name in one.patients], dtype=np.int64)
    return auc_samples(one.probability, one.positive, patient, draws)


def _case_values(case: FindingCase) -> dict[str, int]:
    return {
        "annotated_boxes": len(case.annotation_image),
        "images": len(case.stems),
        "images_with_harvested_box": len(np.unique(case.box_image)),
        "harvested_boxes": len(case.box_image),
    }


def _score_values(scores: Scores, annotated: int) -> dict[str, Any]:
    values = {
        name: {**_named("accuracy", scores.of(name)), **_counts(scores.rule.bound(name), tally, annotated)}
        for name, tally in zip(scores.findings, scores.tallies, strict=True)
    }
    return {**values, MEAN: _named("accuracy", scores.mean())}


def _counts(bound: Fraction | None, tally: Tally, annotated: int) -> dict[str, Any]:
    false, images = int(tally.false_positives[0]), int(tally.images[0])
    return {
        "hits": int(tally.hits[0]),
        "annotated_boxes": int(tally.annotated[0]),
        "images": images,
        "boxes_taken": int(tally.taken[0]),
        "false_positives": false,
        "afp_per_image_of_finding": false / images,
        "afp_per_annotated_box": false / annotated,
        "afp_bound": None if bound is None else float(bound),
    }


def _figure_values(figures: Figures) -> dict[str, Any]:
    values = {name: _named("value", figures.of(name)) for name in figures.findings}
    return {**values, MEAN: _named("value", figures.mean())}


def _named(name: str, one: Estimate) -> dict[str, float | None]:
    return {name: one.value, "low": one.low, "high": one.high}
