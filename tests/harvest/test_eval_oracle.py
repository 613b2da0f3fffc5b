"""The protocols against a second, naive implementation: plain loops over plain tuples, written from the definitions."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.evaluation.cases import build_cases
from harvest.evaluation.protocols import RULES, Rule, tally
from harvest.evaluation.records import EvaluationSet, HarvestedBox


class Box(NamedTuple):
    stem: str
    rank: int
    x: int
    y: int
    width: int
    height: int


def overlap(ours: Box, theirs: Box, kind: str) -> Fraction:
    width = min(ours.x + ours.width, theirs.x + theirs.width) - max(ours.x, theirs.x)
    height = min(ours.y + ours.height, theirs.y + theirs.height) - max(ours.y, theirs.y)
    common = max(width, 0) * max(height, 0)
    own, other = ours.width * ours.height, theirs.width * theirs.height
    return Fraction(common, own if kind == "IoBB" else own + other - common)


def count_naively(annotated: list[Box], harvested: list[Box], rule: Rule, bound: Fraction | None) -> tuple[int, int]:
    """Return (annotated boxes hit, false positives)."""
    images = sorted({box.stem for box in annotated})
    list_b = []
    for place in range(10):
        for stem in images:
            ranked = sorted(box for box in harvested if box.stem == stem)
            list_b += ranked[place : place + 1]
    found: set[int] = set()
    false = 0
    for box in list_b:
        threshold = Fraction(str(rule.threshold))
        hits = {
            number
            for number, truth in enumerate(annotated)
            if truth.stem == box.stem and overlap(box, truth, rule.overlap) > threshold
        }
        if not hits:
            if bound is not None and Fraction(false + 1, len(images)) > bound:
                break
            false += 1
        found |= hits
    return len(found), false


corner, side = st.integers(0, 9), st.integers(1, 8)
boxes = st.builds(Box, st.sampled_from("abcde"), st.just(1), corner, corner, side, side)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.protocol}-{rule.overlap}-{rule.threshold}")
@settings(max_examples=40, deadline=None)
@given(annotated=st.lists(boxes, min_size=1, max_size=8), harvested=st.lists(boxes, max_size=14))
def test_both_implementations_agree(rule: Rule, annotated: list[Box], harvested: list[Box]) -> None:
    ranks = dict.fromkeys("abcde", 0)
    ranked = []
    for box in harvested:
        ranks[box.stem] += 1
        ranked.append(box._replace(rank=ranks[box.stem]))

    def record(box: Box) -> HarvestedBox:
        edges = (float(box.x), float(box.y), float(box.x + box.width), float(box.y + box.height))
        return HarvestedBox(box.stem, "Nodule", box.rank, *edges)

    evaluated = EvaluationSet({stem: stem for stem in "abcde"}, [*map(record, annotated)], [*map(record, ranked)])
    (case,) = build_cases(evaluated)
    counted = tally(case, rule, np.ones((1, len(case.stems)), dtype=np.int64))
    expected = count_naively(annotated, ranked, rule, rule.bound("Nodule"))
    assert (int(counted.hits[0]), int(counted.false_positives[0])) == expected
