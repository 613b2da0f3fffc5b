"""Asymmetry: found whatever padding, midline and exposure; it turns attention to the side of the finding."""

import numpy as np
import pytest

from harvest.asymmetry import ASYMMETRY_SHAPE, asymmetry_sign, asymmetry_weights, film_asymmetry
from harvest.attention import quantise_maps
from harvest.box_rules import BoxRules
from harvest.errors import SettingsError
from harvest.geometry import Placement
from models.spec import BoxSpec, FindingSpec, MiningSpec

LANDSCAPE = Placement(rows=100, columns=200, input_hw=(160, 160))
"""Lies in rows 40 to 119 of the input."""


def chest(opacity: bool = False, midline: int = 80) -> np.ndarray:
    """Two dark lungs left and right of a midline, in grey; an opacity in the one on the picture's right."""
    film = np.zeros((160, 160), np.uint8)
    film[40:120] = 120
    for side in (-1, 1):
        centre = midline + side * 35
        film[55:110, centre - 20 : centre + 20] = 40
    if opacity:
        film[85:105, midline + 20 : midline + 50] = 110
    return film


def test_an_opacity_is_brighter_than_its_mirror_image() -> None:
    found = film_asymmetry(chest(opacity=True), LANDSCAPE)
    assert found.shape == ASYMMETRY_SHAPE
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    assert 85 <= 40 + (row + 0.5) / 32 * 80 <= 105
    assert 100 <= (column + 0.5) / 32 * 160 <= 130
    opposite = np.unravel_index(int(found.argmin()), found.shape)
    assert np.abs(np.subtract(opposite, (row, 31 - column))).max() <= 1  # the opacity itself moves the midline


def test_neither_exposure_nor_midline_decides() -> None:
    usual = film_asymmetry(chest(opacity=True), LANDSCAPE)
    assert np.abs(film_asymmetry(chest(opacity=True) // 2, LANDSCAPE).astype(int) - usual).max() <= 1
    moved = film_asymmetry(chest(opacity=True, midline=85), LANDSCAPE)  # one cell to the right
    assert np.abs(moved[:, 2:-2].astype(int) - np.roll(usual, 1, axis=1)[:, 2:-2]).max() < 25
    assert not film_asymmetry(chest(), LANDSCAPE).any()


def test_a_film_of_one_grey_has_no_asymmetry() -> None:
    assert not film_asymmetry(np.full((160, 160), 77, np.uint8), LANDSCAPE).any()
    assert film_asymmetry(chest(), Placement(1, 2000, (160, 160))).shape == ASYMMETRY_SHAPE  # one row of the input


@pytest.mark.parametrize(
    ("finding", "side"), [("Effusion", "right"), ("Pneumothorax", "left"), ("Cardiomegaly", "both")]
)
def test_attention_is_turned_to_the_side_of_the_finding(finding: str, side: str) -> None:
    seen = film_asymmetry(chest(opacity=True), LANDSCAPE)
    (weights,) = asymmetry_weights(seen[None], np.array([asymmetry_sign(finding)]), 0.2)
    if side == "both":
        assert (weights == 1).all()
    else:
        left, right = weights[:, :16].max(), weights[:, 16:].max()
        assert (right > 1.2 and left < 1.1) if side == "right" else (left > 1.2 and right < 1.1)


@pytest.mark.parametrize(("weight", "side"), [(0.0, "left"), (0.2, "right")])
def test_boxes_are_cut_on_the_side_of_the_finding(weight: float, side: str) -> None:
    attention = np.zeros((1, 16, 16), np.float32)
    attention[0, 8:11, 3:6], attention[0, 8:11, 10:13] = 1.0, 0.8
    stored = quantise_maps(attention, np.ones_like(attention, dtype=bool))
    rules = BoxRules(BoxSpec(asymmetry_weight=weight), MiningSpec(), {"Effusion": FindingSpec(thresholds=(0.6,))})
    seen = film_asymmetry(chest(opacity=True), LANDSCAPE)
    ((box,),) = rules.cut([("Effusion", stored.with_asymmetry(seen))], LANDSCAPE)
    assert (box.box[0] > 100) == (side == "right")


def test_maps_without_asymmetry_are_not_silently_left_as_they_are() -> None:
    attention = np.eye(16, dtype=np.float32)[None]
    stored = quantise_maps(attention, np.ones_like(attention, dtype=bool))
    rules = BoxRules(BoxSpec(asymmetry_weight=0.2), MiningSpec(), {"Mass": FindingSpec()})
    with pytest.raises(SettingsError, match="harvest again"):
        rules.cut([("Mass", stored)], LANDSCAPE)
