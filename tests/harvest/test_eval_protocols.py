"""Acc and AFP of every protocol, counted by hand."""

from fractions import Fraction

import numpy as np
import pytest

from harvest.evaluation import protocols
from harvest.evaluation.cases import build_cases, list_order
from harvest.evaluation.protocols import Rule, Tally, tally
from harvest.evaluation.records import EvaluationSet, HarvestedBox

FINDING = "Nodule"
ALL = Rule("iam-all-boxes", "IoU", 0.3)
TABLE2 = Rule("iam-table2", "IoU", 0.3)

# On every film the annotated box is 10 wide and 20 high; a hit is that box, a miss lies elsewhere.
TRUTH = (0, 0, 10, 20)
HIT = TRUTH
MISS = (100, 0, 110, 20)


def box(stem: str, corners: tuple[float, ...], rank: int = 1, finding: str = FINDING) -> HarvestedBox:
    return HarvestedBox(stem, finding, rank, *corners)


def count(annotated: list[HarvestedBox], harvested: list[HarvestedBox], rule: Rule) -> Tally:
    stems = {one.stem for one in (*annotated, *harvested)}
    cases = build_cases(EvaluationSet({stem: stem for stem in stems}, annotated, harvested))
    case = next(one for one in cases if one.finding == FINDING)
    return tally(case, rule, np.ones((1, len(case.stems)), dtype=np.int64))


def numbers(result: Tally) -> tuple[int, int, int, int, int]:
    columns = (result.hits, result.annotated, result.false_positives, result.taken, result.images)
    return tuple(int(column[0]) for column in columns)  # type: ignore[return-value]


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a false positive per image at T = .3."""
    monkeypatch.setattr(protocols, "afp_bounds", lambda: {(FINDING, 0.3): Fraction(1, 2)})


def test_nothing_annotated_gives_no_case() -> None:
    assert build_cases(EvaluationSet({"a": "p"}, [], [box("a", HIT)])) == ()


@pytest.mark.parametrize("rule", [ALL, TABLE2, Rule("iam-all-boxes", "IoBB", 0.3)])
def test_no_harvested_box_at_all(rule: Rule) -> None:
    assert numbers(count([box("a", TRUTH), box("b", TRUTH)], [], rule)) == (0, 2, 0, 0, 2)


def test_several_boxes_on_one_annotation_count_once_and_none_is_false() -> None:
    harvested = [box("a", HIT, rank) for rank in (1, 2, 3)]
    assert numbers(count([box("a", TRUTH)], harvested, ALL)) == (1, 1, 0, 3, 1)


def test_one_box_may_hit_several_annotations() -> None:
    annotated = [box("a", (0, 0, 10, 20)), box("a", (0, 0, 10, 18)), box("a", (50, 50, 60, 60))]
    assert numbers(count(annotated, [box("a", HIT)], ALL)) == (2, 3, 0, 1, 1)


def test_overlap_equal_to_the_threshold_is_no_hit() -> None:
    half = [box("a", (0, 0, 10, 10))]
    assert numbers(count([box("a", TRUTH)], half, Rule("iam-all-boxes", "IoU", 0.5)))[:3] == (0, 1, 1)
    assert numbers(count([box("a", TRUTH)], half, Rule("iam-all-boxes", "IoU", 0.4)))[:3] == (1, 1, 0)


def test_iobb_divides_by_the_harvested_box() -> None:
    inside, around = [box("a", (0, 0, 5, 2))], [box("a", (0, 0, 100, 200))]
    rule = Rule("iam-all-boxes", "IoBB", 0.9)
    assert numbers(count([box("a", TRUTH)], inside, rule))[0] == 1
    assert numbers(count([box("a", TRUTH)], around, rule))[0] == 0


def test_boxes_of_other_films_and_findings_are_not_scored() -> None:
    harvested = [box("b", MISS), box("a", MISS, finding="Mass"), box("a", HIT)]
    annotated = [box("a", TRUTH), box("b", TRUTH, finding="Mass")]
    assert numbers(count(annotated, harvested, ALL)) == (1, 1, 0, 1, 1)


def test_list_takes_every_first_box_before_any_second_in_ascending_name() -> None:
    given = [box("b", HIT, 2), box("a", HIT, 3), box("b", HIT, 1), box("a", HIT, 1), box("c", HIT, 2), box("a", HIT, 2)]
    order = [(one.stem, one.rank) for one in list_order(given)]
    # c lacks a rank 1 box: the best it has is its first.
    assert order == [("a", 1), ("b", 1), ("c", 2), ("a", 2), ("b", 2), ("a", 3)]


def test_boxes_of_equal_rank_stand_in_the_same_order_however_they_come() -> None:
    tied = [box("a", MISS), box("a", HIT)]
    assert list_order(tied) == list_order(tied[::-1])


def test_a_box_exactly_on_the_bound_is_taken(bound: None) -> None:
    annotated = [box(stem, TRUTH) for stem in "abcd"]
    harvested = [box("a", MISS), box("b", MISS), box("c", HIT), box("d", HIT)]
    # 2 false positives / 4 images = the bound: both are taken, and so is what follows.
    assert numbers(count(annotated, harvested, TABLE2)) == (2, 4, 2, 4, 4)


def test_the_first_box_beyond_the_bound_ends_the_list(bound: None) -> None:
    annotated = [box(stem, TRUTH) for stem in "abcd"]
    harvested = [box("a", MISS), box("b", MISS), box("c", MISS), box("d", HIT), box("a", HIT, 2)]
    # The third false positive would make 3 / 4; the hits after it are lost, also those of earlier images.
    assert numbers(count(annotated, harvested, TABLE2)) == (0, 4, 2, 2, 4)
    assert numbers(count(annotated, harvested, ALL)) == (2, 4, 3, 5, 4)


def test_a_hit_after_the_last_allowed_false_positive_is_taken(bound: None) -> None:
    annotated = [box("a", TRUTH), box("b", TRUTH)]
    harvested = [box("a", MISS), box("b", HIT), box("a", MISS, 2), box("b", HIT, 2)]
    assert numbers(count(annotated, harvested, TABLE2)) == (1, 2, 1, 2, 2)


def test_a_repeated_hit_costs_no_false_positive(bound: None) -> None:
    harvested = [box("a", HIT, rank) for rank in (1, 2, 3)]
    assert numbers(count([box("a", TRUTH)], harvested, TABLE2)) == (1, 1, 0, 3, 1)


def test_a_finding_without_published_bound_takes_all(bound: None) -> None:
    annotated = [box("a", TRUTH)]
    rule = Rule("iam-table2", "IoU", 0.25)
    assert numbers(count(annotated, [box("a", MISS), box("a", HIT, 2)], rule)) == (1, 1, 1, 2, 1)


def test_zero_bound_admits_hits_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "afp_bounds", lambda: {(FINDING, 0.3): Fraction(0)})
    annotated = [box("a", TRUTH), box("b", TRUTH), box("c", TRUTH)]
    harvested = [box("a", HIT), box("b", MISS), box("c", HIT)]
    assert numbers(count(annotated, harvested, TABLE2)) == (1, 3, 0, 1, 3)
