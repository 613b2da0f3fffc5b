"""Intervals over patients: resamples counted as if the films were really there several times."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.evaluation.bootstrap import Scores, estimate, paired_difference, resample_patients, score
from harvest.evaluation.cases import build_cases, patients_of
from harvest.evaluation.discrimination import auc, auc_samples
from harvest.evaluation.protocols import RULES, Rule, tally
from harvest.evaluation.records import EvaluationSet, HarvestedBox

SIDE = 100.0


def random_set(
    seed: int, films: int = 30, skill: float = 0.5, findings: tuple[str, ...] = ("Mass", "Nodule")
) -> EvaluationSet:
    """Two films per patient; harvested boxes near the annotated ones with chance ``skill``."""
    truth, noise = np.random.default_rng(0), np.random.default_rng(seed)
    annotated, harvested = [], []
    for film in range(films):
        stem = f"{film:04d}"
        finding = findings[film % len(findings)]
        corner = truth.uniform(0, 800, 2)
        annotated.append(HarvestedBox(stem, finding, 1, *corner, *(corner + SIDE)))
        for rank in (1, 2, 3):
            near = noise.random() < skill
            start = corner + noise.normal(0, 20, 2) if near else noise.uniform(0, 800, 2)
            harvested.append(HarvestedBox(stem, finding, rank, *start, *(start + SIDE)))
    return EvaluationSet({f"{film:04d}": f"p{film // 2:04d}" for film in range(films)}, annotated, harvested)


def scores(evaluated: EvaluationSet, rule: Rule, resamples: int = 200) -> Scores:
    draws = resample_patients(len(patients_of(evaluated)), resamples)
    return score(build_cases(evaluated), rule, draws)


def repeated(evaluated: EvaluationSet, draw: np.ndarray) -> EvaluationSet:
    """The films of a resample, written out: copy number after the name, so that copies stand next to each other."""
    times = dict(zip(patients_of(evaluated), draw.tolist(), strict=True))

    def copies(boxes: list[HarvestedBox]) -> list[HarvestedBox]:
        return [
            HarvestedBox(f"{box.stem}-{copy:03d}", box.finding, box.rank, box.x_min, box.y_min, box.x_max, box.y_max)
            for box in boxes
            for copy in range(times[evaluated.patients[box.stem]])
        ]

    annotated, harvested = copies(list(evaluated.annotated)), copies(list(evaluated.harvested))
    return EvaluationSet({box.stem: box.stem for box in annotated}, annotated, harvested)


@pytest.mark.parametrize("rule", [Rule("iam-table2", "IoU", 0.3), *RULES[7:9]], ids=str)
def test_a_resample_equals_scoring_its_films_written_out(rule: Rule) -> None:
    evaluated = random_set(1)
    result = scores(evaluated, rule, resamples=20)
    draws = resample_patients(len(patients_of(evaluated)), 20)
    for draw, sample in zip(draws, result.samples, strict=True):
        written_out = scores(repeated(evaluated, draw), rule, resamples=1)
        assert sample.tolist() == written_out.values.tolist()


def test_false_positives_of_a_resample_equal_those_written_out() -> None:
    evaluated = random_set(2, findings=("Nodule",), skill=0.2)
    rule = Rule("iam-table2", "IoU", 0.3)
    (case,) = build_cases(evaluated)
    draws = resample_patients(len(patients_of(evaluated)), 50)
    weighted = tally(case, rule, draws[:, case.patient])
    for number, draw in enumerate(draws):
        (copy,) = build_cases(repeated(evaluated, draw))
        plain = tally(copy, rule, np.ones((1, len(copy.stems)), dtype=np.int64))
        for column in ("hits", "annotated", "false_positives", "taken", "images"):
            assert getattr(weighted, column)[number] == getattr(plain, column)[0], column


def test_draws_repeat_from_their_seed_and_keep_the_number_of_patients() -> None:
    draws = resample_patients(17, 50, seed=3)
    assert (draws == resample_patients(17, 50, seed=3)).all()
    assert (draws != resample_patients(17, 50, seed=4)).any()
    assert (draws.sum(axis=1) == 17).all()


def test_interval_holds_the_figure_and_narrows_with_films() -> None:
    rule = Rule("iam-all-boxes", "IoU", 0.3)
    few, many = scores(random_set(1, 40), rule).mean(), scores(random_set(1, 400), rule).mean()
    for one in (few, many):
        assert one.value is not None and one.low is not None and one.high is not None
        assert one.low <= one.value <= one.high
    assert many.high - many.low < few.high - few.low  # type: ignore[operator]


def test_mean_is_over_findings_not_over_boxes() -> None:
    result = scores(random_set(1), Rule("iam-all-boxes", "IoU", 0.3))
    by_finding = [result.of(name).value for name in result.findings]
    assert result.mean().value == pytest.approx(sum(value or 0 for value in by_finding) / 2)


def test_a_system_does_not_differ_from_itself() -> None:
    result = scores(random_set(1), Rule("iam-table2", "IoU", 0.3))
    for difference in paired_difference(result, result).values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_a_better_system_is_ahead_with_the_interval_above_zero() -> None:
    rule = Rule("iam-all-boxes", "IoU", 0.3)
    difference = paired_difference(scores(random_set(1, 200, 0.9), rule), scores(random_set(2, 200, 0.1), rule))["mean"]
    assert difference.low is not None and difference.low > 0


def test_systems_scored_on_other_boxes_are_not_compared() -> None:
    rule = Rule("iam-all-boxes", "IoU", 0.3)
    with pytest.raises(ValueError, match="same boxes"):
        paired_difference(scores(random_set(1), rule), scores(random_set(1, findings=("Mass",)), rule))


def test_nothing_to_score_gives_no_figure() -> None:
    mean = scores(EvaluationSet({}, [], []), Rule("iam-table2", "IoU", 0.3)).mean()
    assert (mean.value, mean.low, mean.high) == (None, None, None)


def test_a_finding_missing_from_a_resample_leaves_its_mean() -> None:
    assert estimate(0.5, np.array([np.nan, 0.25, 0.75])).low == pytest.approx(0.2625)


def test_auc_by_hand() -> None:
    probability = np.array([0.1, 0.4, 0.4, 0.8])
    assert auc(probability, np.array([False, False, True, True])) == pytest.approx(3.5 / 4)
    assert np.isnan(auc(probability, np.ones(4, dtype=bool)))
    assert np.isnan(auc(np.zeros(0), np.zeros(0, dtype=bool)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_auc_of_a_resample_equals_that_of_its_films_written_out(seed: int) -> None:
    generator = np.random.default_rng(seed)
    probability = generator.integers(0, 6, 25) / 5
    positive = generator.random(25) < 0.4
    patient = generator.integers(0, 8, 25)
    draw = resample_patients(8, 1, seed)
    where = np.repeat(np.arange(25), draw[0, patient])
    (sample,) = auc_samples(probability, positive, patient, draw)
    expected = auc(probability[where], positive[where])
    assert sample == pytest.approx(expected, nan_ok=True)
