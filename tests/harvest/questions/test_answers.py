"""Every prepared question on a lake whose answers can be worked out by hand."""

import re
from pathlib import Path
from typing import Any

import pytest

from harvest.questions import questions, run_question

Rows = list[tuple[Any, ...]]
NEW, OLD = "1" * 16, "0" * 16

ANSWERS: dict[str, tuple[dict[str, str], Rows]] = {
    "attention_outside_lungs": (
        {},
        [("Cardiomegaly", 1, 1.0, 1, 1.0), ("Effusion", 2, 0.0, 0, 0.0), ("Nodule", 1, 0.0, 0, 0.0)],
    ),
    "attention_without_label": (
        {},
        [("ward/a3.dcm", "Effusion", 0.8, 0.5, 1.0), ("ward/a3.dcm", "Nodule", 0.6, 0.5, 1.0)],
    ),
    "box_side_and_zone": (
        {},
        [
            ("Cardiomegaly", "middle", "lower", 1, 1.0),
            ("Effusion", "right", "lower", 2, 1.0),
            ("Nodule", "left", "upper", 1, 1.0),
        ],
    ),
    "box_size": ({"finding": "Nodule"}, [("Nodule", 1, 1, 20.0, 20.0, 4.0, 4.0, 4.0, 0.003)]),
    "boxes_against_annotated": ({}, [("drawn", "Effusion", 2, 2, 1, 0.25, 0.5)]),
    "boxes_by_threshold": (
        {},
        [("Cardiomegaly", 1, 1.0, 1.0, 1.0), ("Effusion", 2, 0.55, 0.75, 0.95), ("Nodule", 1, 1.0, 1.0, 1.0)],
    ),
    "change_between_films": (
        {},
        [("Effusion", "grown", 1, 30.0), ("Nodule", "new", 1, 30.0)],
    ),
    "chest_verdicts": (
        {},
        [
            ("chest", "chest", "localized", 1, 0.99),
            ("chest", "chest", "no_finding", 1, 0.9),
            ("chest", "turned", "localized", 1, 0.8),
            ("no header", "not decoded", "localized", 1, None),
            ("wrong_view", "not decoded", "rejected", 1, None),
        ],
    ),
    "repeated_films": ({}, [("same pixels", 2, 2, 1, ["ward/a1.dcm", "ward/a3.dcm"])]),
    "unusual_files": (
        {},
        [
            ("orientation_suspect", "Bora", 1, 0),
            ("private_tags", "Acme", 1, 0),
            ("private_tags", "Bora", 1, 0),
        ],
    ),
    "course_of_patient": (
        {"patient": "A"},
        [
            ("A", "Effusion", 0, 2, True, 0.9, 64.0),
            ("A", "Effusion", 30, 1, True, 0.8, 96.0),
            ("A", "Nodule", 0, 2, False, 0.01, None),
            ("A", "Nodule", 30, 1, True, 0.6, 4.0),
        ],
    ),
    "drift_by_scanner": (
        {"finding": "Effusion"},
        [
            ("Effusion", "Acme", "M1", 2, 0.65, 0.5, 0.0),
            ("Effusion", "Bora", "X", 1, 0.8, 1.0, 0.5),
            ("Effusion", "unknown", "unknown", 1, 0.01, 0.0, -0.5),
        ],
    ),
    "drift_by_month": (
        {"finding": "Effusion"},
        [
            ("Effusion", 2019, 3, 2, 0.65, 0.5, 0.0),
            ("Effusion", 2019, 4, 1, 0.8, 1.0, 0.5),
            ("Effusion", 2020, 1, 1, 0.01, 0.0, -0.5),
        ],
    ),
    "films_by_settings": ({}, [(NEW, "model-1", 5, 1, True), (OLD, "model-0", 1, 0, False)]),
    "films_with_finding": (
        {"limit": "2"},
        [("ward/a1.dcm", 0.9, 1, True, "PA", 35.0, "F"), ("ward/a3.dcm", 0.8, 2, False, "PA", 36.0, "F")],
    ),
    "findings_per_film": ({}, [(0, 1), (1, 2), (2, 1)]),
    "findings_together": ({}, [("Effusion", "Nodule", 1, 2.0)]),
    "labels_without_attention": (
        {},
        [("ward/a1.dcm", "Mass", 0.2, 0.5, None), ("ward/a2.dcm", "Effusion", 0.4, 0.5, None)],
    ),
    "largest_findings": (
        {"finding": "Effusion", "limit": "1"},
        [("ward/a3.dcm", "A", 96.0, 0.06, 120.0, 80.0, "right", "lower", 0.8)],
    ),
    "prevalence_by_age_band": (
        {"finding": "Effusion"},
        [("Effusion", 20, 40, "F", 3, 0.667), ("Effusion", 60, 80, "M", 1, 0.0)],
    ),
    "prevalence_by_view": (
        {"finding": "Effusion"},
        [("Effusion", "AP", 1, 0.0), ("Effusion", "PA", 2, 1.0), ("Effusion", "unknown", 1, 0.0)],
    ),
    "prevalence_by_year": ({"finding": "Effusion"}, [("Effusion", 2019, 3, 0.667), ("Effusion", 2020, 1, 0.0)]),
    "rejections_by_manufacturer": (
        {},
        [("Acme", "CR", 1, 1, 1.0, "wrong_view"), ("Acme", "DX", 2, 0, 0.0, None), ("Bora", "DX", 1, 0, 0.0, None),
         ("unknown", "DX", 1, 0, 0.0, None)],
    ),
    "rejections_by_reason": ({}, [("wrong_view", "gate", "CR", "Acme", 1)]),
    "stability_under_shifts": ({}, [("Effusion", 2, 3, 0.8, 0.667, 0.333, 0.233)]),
    "studies_in_disagreement": ({}, [("S1", "Effusion", 2, 1, 0.9)]),
    "uncertain_films": (
        {"limit": "2"},
        [("ward/a2.dcm", "Effusion", 0.4, 0.5, True, 0.1), ("ward/a3.dcm", "Nodule", 0.6, 0.5, False, 0.1)],
    ),
}  # fmt: skip
SOME: dict[str, tuple[Any, ...]] = {
    "boxes_per_finding": ("Effusion", 2, 0.5, 3, 0.528),
    "drift_between_models": ("Effusion", OLD, "model-0", NEW, "model-1", 1, 1, 0, 0, 0.4, 0.5),
    "labels_against_attention": ("Effusion", 2, 1, 1, 1),
}
"""Of questions with a row for every finding, one row."""


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_answer(known_lake: Path, name: str) -> None:
    given, expected = ANSWERS[name]
    answer = run_question(known_lake, name, given)
    assert [tuple(row.values()) for row in answer.to_pylist()] == expected


@pytest.mark.parametrize("name", sorted(SOME))
def test_answer_of_one_finding(known_lake: Path, name: str) -> None:
    rows = [tuple(row.values()) for row in run_question(known_lake, name, {}).to_pylist()]
    assert SOME[name] in rows


def test_every_question_has_a_known_answer_and_a_full_header() -> None:
    assert set(ANSWERS) | set(SOME) == set(questions())
    assert len(questions()) >= 20
    for question in questions().values():
        asked = set(re.findall(r"\$(\w+)", question.sql))
        assert asked == {parameter.name for parameter in question.parameters}, question.name
        assert question.text.endswith("?")
