"""Places: learned from maps alone, laid over the film and not over the padding, applied when boxes are cut."""

import numpy as np
import pytest
from scipy import ndimage

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


def over_film(merged: np.ndarray, grid: np.ndarray) -> np.ndarray:
    (weighed,) = weigh(merged[None], [(np.array([0]), grid[None])], [LANDSCAPE])
    return weighed


def test_weights_lie_over_the_film_whatever_the_padding_holds() -> None:
    merged = two_spots(1.0, 0.9)
    merged[0, 0] = 50.0  # padding: neither seen nor normalised by
    weighted = over_film(merged, np.array(RIGHT))
    assert weighted[8, 11] == pytest.approx(0.9 * (0.2 + 0.8 * (11.5 / 16 * 2 - 0.5)), abs=1e-6)
    assert weighted[8, 12] > weighted[8, 3]
    assert weighted.max() <= 1


def test_equal_weights_only_normalise() -> None:
    merged = two_spots(4.0, 2.0) - 1
    assert np.array_equal(over_film(merged, np.ones((3, 5))), two_spots(1.0, 0.5))
    assert not over_film(np.full((16, 16), 3.0, np.float32), np.ones((3, 5))).any()


@pytest.mark.parametrize("seed", range(8))
def test_many_maps_are_weighed_as_each_alone_by_plain_interpolation(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width, count = *random.integers(1, 25, 2).tolist(), 9
    merged = random.normal(size=(count, height, width)).astype(np.float32)
    films = [Placement(*random.integers(1, 300, 2).tolist(), (16 * height, 16 * width)) for _ in range(count)]
    shared, own = random.random((1, 3, 5)), random.random((4, 32, 32))
    weighed = weigh(merged, [(np.array([0, 2, 5]), shared), (np.array([2, 3, 4, 8]), own)], films)
    grids = {0: [shared[0]], 2: [shared[0], own[0]], 3: [own[1]], 4: [own[2]], 5: [shared[0]], 8: [own[3]]}
    for number, one in enumerate(merged):
        expected = plainly_weighed(one, grids[number], films[number]) if number in grids else one
        assert np.array_equal(weighed[number], expected), number


def plainly_weighed(merged: np.ndarray, grids: list[np.ndarray], film: Placement) -> np.ndarray:
    (height, width), (x_min, y_min, x_max, y_max) = film.input_hw, film.content_box
    rows = ((np.arange(len(merged)) + 0.5) / len(merged) * height - y_min) / (y_max - y_min)
    columns = ((np.arange(merged.shape[1]) + 0.5) / merged.shape[1] * width - x_min) / (x_max - x_min)
    seen = merged[np.ix_((rows > 0) & (rows < 1), (columns > 0) & (columns < 1))].astype(np.float64)
    if not seen.size or seen.max() - seen.min() <= 1e-9:
        return np.zeros_like(merged)
    weighed = ((merged - seen.min()) / (seen.max() - seen.min())).clip(0, 1)
    for grid in grids:
        at = np.meshgrid(rows * grid.shape[0] - 0.5, columns * grid.shape[1] - 0.5, indexing="ij")
        weighed = weighed * ndimage.map_coordinates(grid, at, order=1, mode="nearest")
    return weighed.astype(np.float32)


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
