"""A box tells where it comes from."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from harvest.config import BoxConfig
from harvest.errors import QuestionError
from harvest.explain import draw_explanation, explain_box
from harvest.export.records import Export
from harvest.rebox import ReboxConfig, rebox


def reference(export: Export, rank: int = 1) -> str:
    film, box = next((film, box) for film, box in export.iter_boxes() if box["rank"] == rank)
    return f"{film.key}/{box['finding']}/{rank}"


def test_a_box_is_traced_to_film_maps_rules_model_and_code(exported: Export) -> None:
    facts = explain_box(exported.lake, reference(exported, 2)).facts
    assert facts["box"]["cut_again_from_the_stored_maps"] == "the same"
    assert facts["film"]["decoding"]
    assert {"iteration_1", "iteration_2", "iteration_3"} <= set(facts["maps"])
    assert facts["rules"]["thresholds"] == [0.35, 0.5, 0.7]
    assert facts["model"]["digest"] == exported.run["model_digest"]
    assert facts["model"]["trained_with"] == {"training": "none: random weights"}
    assert facts["run"]["version"]


def test_a_reboxed_lake_explains_its_own_rules(exported: Export, tmp_path: Path) -> None:
    rebox(exported.lake, tmp_path / "lake2", ReboxConfig(boxes=BoxConfig(thresholds=(0.6,))))
    film = next(film for film in exported.films if film.boxes)
    facts = explain_box(tmp_path / "lake2", f"{film.key}/{film.boxes[0]['finding']}").facts
    assert facts["rules"]["thresholds"] == [0.6]
    assert facts["box"]["threshold"] == 0.6
    assert facts["box"]["cut_again_from_the_stored_maps"] == "the same"


@pytest.mark.parametrize("with_film", [True, False])
def test_the_picture_shows_every_iteration(exported: Export, tmp_path: Path, with_film: bool) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(exported.lake, lake)
    if not with_film:
        (lake / "private" / "archives.json").unlink()
    explanation = explain_box(lake, reference(exported))
    picture = draw_explanation(explanation, lake, None)
    rows, columns = (explanation.attention.placement.rows, explanation.attention.placement.columns)
    assert isinstance(picture, Image.Image)
    assert picture.height == 320
    assert picture.width == (4 + with_film) * round(columns * 320 / rows)


@pytest.mark.parametrize("wrong", ["", "key", "key/Mass/first", "key/Mass/1"])
def test_a_box_that_is_not_there_is_told(exported: Export, wrong: str) -> None:
    with pytest.raises(QuestionError, match=r"INSTANCE_KEY|no such box"):
        explain_box(exported.lake, wrong)
