"""Box thresholds: the right one is found, few boxes follow the many, and a choice repeats."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.boxes import cut_boxes
from harvest.evaluation.bootstrap import resample_patients, score
from harvest.evaluation.cases import build_cases
from harvest.evaluation.protocols import Rule
from harvest.evaluation.records import EvaluationSet, HarvestedBox
from harvest.geometry import Placement
from harvest.thresholds import MapCase, ThresholdSearch, choose_thresholds, with_thresholds
from models.findings import FINDINGS
from models.spec import BoxSpec, BundleSpec, FindingSpec, NetworkSpec, RankBy

PLACEMENT = Placement(rows=300, columns=240, input_hw=(128, 96))
SPEC = BoxSpec(upsampling=4)
LISTED = SPEC.model_copy(update={"rank_by": "listed"})
LIMITS: list[dict[str, object]] = [{"components": "peak"}, {"components": "all", "max_boxes": 2}]
QUICK = ThresholdSearch(grid=(0.2, 0.4, 0.6, 0.8), count=1, protocols=("iam-all-boxes",), targets=(0.5,))


def hill(stem: str, finding: str, threshold: float, seed: int = 0) -> MapCase:
    """A smooth hill whose annotated box is the one cut at ``threshold``."""
    generator = np.random.default_rng([seed, *stem.encode()])
    rows, columns = np.mgrid[0:16, 0:12]
    centre = generator.uniform(5, 7, 2)
    merged = np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / 18).astype(np.float32)
    (truth,) = cut_boxes(merged, (threshold,), SPEC, PLACEMENT)
    return MapCase(stem, finding, merged, PLACEMENT, np.array([truth.box]))


def test_the_threshold_that_drew_the_boxes_is_found_for_each_finding() -> None:
    cases = [hill(f"m{n}", "Mass", 0.8) for n in range(4)] + [hill(f"e{n}", "Effusion", 0.2) for n in range(4)]
    search = QUICK.model_copy(update={"shrinkage": 0.0, "targets": (0.9,)})
    chosen = choose_thresholds(cases, FINDINGS, SPEC, search)
    assert chosen["Mass"].thresholds == (0.8,) and chosen["Effusion"].thresholds == (0.2,)
    assert chosen["Mass"].score == 1 and chosen["Mass"].annotated_boxes == 4


def test_one_box_follows_the_common_choice_many_do_not() -> None:
    many = [hill(f"e{n}", name, 0.2) for n in range(10) for name in ("Effusion", "Pneumonia", "Infiltration")]
    search = QUICK.model_copy(update={"shrinkage": 5.0, "targets": (0.9,)})
    few = choose_thresholds([*many, hill("m", "Mass", 0.8)], FINDINGS, SPEC, search)
    assert few["Mass"].thresholds == (0.2,) and few["Mass"].own_weight == pytest.approx(1 / 6)
    lots = choose_thresholds([*many, *(hill(f"m{n}", "Mass", 0.8) for n in range(30))], FINDINGS, SPEC, search)
    assert lots["Mass"].thresholds == (0.8,)


def test_a_finding_without_boxes_takes_the_common_choice() -> None:
    chosen = choose_thresholds([hill("a", "Mass", 0.4)], FINDINGS, SPEC, QUICK.model_copy(update={"targets": (0.9,)}))
    assert chosen["Hernia"].thresholds == chosen["Mass"].thresholds == (0.4,)
    assert chosen["Hernia"].score is None and chosen["Hernia"].own_weight == 0


def test_no_boxes_at_all_still_gives_thresholds() -> None:
    assert choose_thresholds([], FINDINGS, SPEC, QUICK)["Mass"].thresholds == (0.2,)


def test_a_choice_does_not_depend_on_the_order_of_films() -> None:
    cases = [hill(f"m{n}", "Mass", 0.3 + 0.1 * (n % 4)) for n in range(6)]
    search = ThresholdSearch(grid=(0.2, 0.35, 0.5, 0.65), count=2)
    assert choose_thresholds(cases, FINDINGS, SPEC, search) == choose_thresholds(cases[::-1], FINDINGS, SPEC, search)


def test_the_order_of_ranks_is_chosen_where_thresholds_are_ranked_as_listed() -> None:
    cases = [hill(f"c{n}", "Cardiomegaly", 0.4) for n in range(6)]
    search = ThresholdSearch(grid=(0.2, 0.4, 0.8), count=3, protocols=("iam-table2",), targets=(0.7,))
    listed = choose_thresholds(cases, ["Cardiomegaly"], LISTED, search)["Cardiomegaly"]
    ascending = SPEC.model_copy(update={"rank_by": "threshold_ascending"})
    fixed = choose_thresholds(cases, ["Cardiomegaly"], ascending, search)["Cardiomegaly"]
    assert listed.thresholds[0] == 0.4 and listed.score == 1
    assert fixed.thresholds == (0.2, 0.4, 0.8) and fixed.score == 0  # wrong boxes first: the bound ends the list


@pytest.mark.parametrize(
    "spec",
    [SPEC.model_copy(update={"rank_by": rank_by} | limits) for rank_by in get_args(RankBy) for limits in LIMITS],
)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_reported_score_is_that_of_boxes_really_cut(spec: BoxSpec, seed: int) -> None:
    generator = np.random.default_rng(seed)
    cases = []
    for number in range(4):
        corner = generator.uniform(0, 120, 2)
        box = np.array([[*corner, *(corner + generator.uniform(40, 110, 2))]])
        cases.append(MapCase(f"{number}", "Nodule", generator.random((6, 5), dtype=np.float32), PLACEMENT, box))
    search = ThresholdSearch(grid=(0.3, 0.5, 0.7, 0.8), count=2, targets=(0.1, 0.3))
    chosen = choose_thresholds(cases, ["Nodule"], spec, search)["Nodule"]
    harvested = [
        HarvestedBox(one.stem, one.finding, rank, *cut.box)
        for one in cases
        for rank, cut in enumerate(cut_boxes(one.merged, chosen.thresholds, spec, PLACEMENT), start=1)
    ]
    annotated = [HarvestedBox(one.stem, one.finding, 1, *one.annotated[0]) for one in cases]
    evaluated = build_cases(EvaluationSet({one.stem: one.stem for one in cases}, annotated, harvested))
    rules = [Rule(p, "IoU", t) for p in search.protocols for t in search.targets]
    accuracies = [score(evaluated, rule, resample_patients(4, 1)).values[0] for rule in rules]
    assert chosen.score == pytest.approx(np.mean(accuracies))


def test_a_bundle_carries_the_choice_and_its_source() -> None:
    spec = BundleSpec(name="x", network=NetworkSpec(), findings={name: FindingSpec(gate=0.3) for name in FINDINGS})
    chosen = choose_thresholds([hill("a", "Mass", 0.4)], FINDINGS, SPEC, QUICK)
    tuned = with_thresholds(spec, chosen, "split dev, 1 box")
    assert tuned.findings["Mass"].thresholds == chosen["Mass"].thresholds
    assert tuned.findings["Mass"].gate == 0.3 and tuned.threshold_source == "split dev, 1 box"
