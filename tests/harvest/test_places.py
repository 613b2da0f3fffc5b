"""Places: learned from maps alone, laid over the film and not over the padding, applied when boxes are cut."""

import numpy as np
import pytest

from harvest.attention import quantise_maps
from harvest.box_rules import BoxRules
from harvest.geometry import Placement
from harvest.places import MINIMUM_FILMS, PLACE_SHAPE, learn_place, weigh
from models.spec import BoxSpec, FindingSpec, MiningSpec

LANDSCAPE = Placement(rows=100, columns=200, input_hw=(160, 160))
"""Lies in the middle half of the input's rows."""
LEFT, RIGHT = ((1.0, 0.2),), ((0.2, 1.0),)


def two_spots(left: float, right: float) -> np.ndarray:
    """A map of 16 x 16 cells with a spot in either half of the film."""
    merged = np.zeros((16, 16), np.float32)
    merged[7:9, 3:5], merged[7:9, 11:13] = left, right
    return merged


def test_weights_lie_over_the_film_whatever_the_padding_holds() -> None:
    merged = two_spots(1.0, 0.9)
    merged[0, 0] = 50.0  # padding: neither seen nor normalised by
    weighted = weigh(merged, [np.array(RIGHT)], LANDSCAPE)
    assert weighted[8, 11] == pytest.approx(0.9 * (0.2 + 0.8 * (11.5 / 16 * 2 - 0.5)), abs=1e-6)
    assert weighted[8, 12] > weighted[8, 3]
    assert weighted.max() <= 1


def test_equal_weights_only_normalise() -> None:
    merged = two_spots(4.0, 2.0) - 1
    assert np.array_equal(weigh(merged, [np.ones((3, 5))], LANDSCAPE), two_spots(1.0, 0.5))
    assert not weigh(np.full((16, 16), 3.0, np.float32), [np.ones((3, 5))], LANDSCAPE).any()


def test_a_place_is_where_the_maps_of_its_films_agree() -> None:
    rng = np.random.default_rng(3)
    films = []
    for number in range(MINIMUM_FILMS):
        merged = np.zeros((16, 16), np.float32)
        merged[rng.integers(4, 12), rng.integers(0, 16)] = 5.0  # looks that differ from film to film
        merged[9:11, 12:14] = 4.0
        films.append((merged * (number + 1), LANDSCAPE))  # the maps' own scale does not matter
    place = learn_place(films)
    assert place is not None
    grid = np.array(place)
    assert grid.shape == PLACE_SHAPE
    assert 0 < grid.min() < 0.15
    assert grid.max() == 1
    row, column = np.unravel_index(int(grid.argmax()), grid.shape)
    # Rows 9 and 10 of 16 over the input are rows 10 to 14 of 16 over the film, which fills rows 4 to 11.
    assert 10 <= row < 14
    assert 12 <= column < 14
    assert learn_place(films[1:]) is None


@pytest.mark.parametrize(("weight", "side"), [(0.0, "left"), (1.0, "right")])
def test_boxes_are_cut_from_weighted_attention(weight: float, side: str) -> None:
    attention = two_spots(1.0, 0.8)[None]
    rules = BoxRules(BoxSpec(place_weight=weight), MiningSpec(), {"Mass": FindingSpec(thresholds=(0.6,), place=RIGHT)})
    ((box,),) = rules.cut([("Mass", quantise_maps(attention, np.ones_like(attention, dtype=bool)))], LANDSCAPE)
    assert (box.box[0] > 100) == (side == "right")


@pytest.mark.parametrize("place", [((0.5, 0.0),), ((0.5,), (0.5, 1.0)), ((1.5,),), ((),)])
def test_impossible_places_are_refused(place: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="place"):
        FindingSpec(place=place)
