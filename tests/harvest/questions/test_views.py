"""Views: a row for what their header says, and values that can be worked out by hand."""

from pathlib import Path
from typing import Any

import pytest

from harvest.sql_files import read_sql
from harvest.store import query

GRAIN = {
    "current_fingerprint": (),
    "current_instances": ("instance_key",),
    "current_predictions": ("instance_key", "finding"),
    "current_boxes": ("instance_key", "finding", "rank"),
    "films": ("instance_key",),
    "lung_fields": ("side",),
    "film_boxes": ("film", "finding", "rank"),
    "film_findings": ("film", "finding"),
    "boxes_with_film": ("instance_key", "finding", "rank"),
    "predictions_with_film": ("instance_key", "finding"),
    "findings_per_film": ("film",),
    "findings_per_study": ("study_key", "finding"),
    "patient_course": ("patient_key", "finding", "days_since_first_study"),
    "label_agreement": ("instance_key", "finding"),
    "film_settings": ("instance_key",),
    "model_agreement": ("instance_key", "finding", "fingerprint", "other_fingerprint"),
    "run_summary": ("run_id",),
}
"""What names one row of each view."""


def ask(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in query(lake, sql).to_pylist()]


@pytest.mark.parametrize("name", sorted(read_sql("views")))
def test_a_view_states_its_grain_and_keeps_it(known_lake: Path, name: str) -> None:
    assert "-- Grain: " in read_sql("views")[name]
    names = ", ".join(GRAIN[name]) or "1"
    assert ask(known_lake, f"SELECT count(*) > 0, count(*) = count(DISTINCT ({names})) FROM {name}") == [(True, True)]


def test_a_study_shows_what_any_of_its_films_shows(known_lake: Path) -> None:
    columns = "films, films_with_finding, present, highest_probability, boxes"
    rows = ask(known_lake, f"SELECT finding, {columns} FROM findings_per_study WHERE study_key = 'S1' AND present")
    assert rows == [("Effusion", 2, 1, True, 0.9, 1)]


def test_label_and_network_agree_or_not(known_lake: Path) -> None:
    rows = ask(known_lake, "SELECT instance_key || ' ' || finding, agreement, share_in_lungs FROM label_agreement")
    found = {name: rest for name, *rest in rows}
    assert found["a1 Effusion"] == ["labeled and seen", 1.0]
    assert found["a1 Mass"] == ["labeled, not seen", None]
    assert found["a3 Nodule"] == ["seen, not labeled", 1.0]
    assert found["a3 Mass"] == ["neither", None]
    assert not [name for name in found if name.startswith("b1")], "no label row"


def test_boxes_stand_with_film_and_run(known_lake: Path) -> None:
    columns = "bundle, patient_key, study_key, view_position, film_rows, area_cm2, side, zone"
    rows = ask(known_lake, f"SELECT {columns} FROM boxes_with_film WHERE finding = 'Nodule'")
    assert rows == [("model-1", "A", "S2", "PA", 1000, pytest.approx(4.0), "left", "upper")]


def test_two_settings_meet_on_the_same_film(known_lake: Path) -> None:
    columns = "bundle, other_bundle, probability, other_probability, iou_of_first_boxes"
    rows = ask(known_lake, f"SELECT {columns} FROM model_agreement WHERE instance_key = 'a1' AND finding = 'Effusion'")
    assert rows == [("model-0", "model-1", 0.5, 0.9, 0.5)]


def test_runs_say_how_long_they_took(known_lake: Path) -> None:
    rows = ask(known_lake, "SELECT run_id, seconds, localized, rejected, boxes FROM run_summary")
    assert rows == [("run-0-0", 3600, 1, 0, 1), ("run-1-0", 3600, 3, 1, 5)]
