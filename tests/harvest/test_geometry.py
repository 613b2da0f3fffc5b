"""There and back: boxes and heatmaps on portrait and landscape films, in every orientation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.geometry import ORIENTATIONS, Placement

placements = st.builds(
    Placement,
    st.integers(1, 4000),
    st.integers(1, 4000),
    st.tuples(st.integers(16, 600), st.integers(16, 600)),
    st.sampled_from(ORIENTATIONS),
    st.floats(0.2, 5),
)
unit = st.floats(0, 1)
SHAPES = pytest.mark.parametrize("shape", [(300, 170), (170, 300)], ids=["portrait", "landscape"])
TURNS = pytest.mark.parametrize("orientation", ORIENTATIONS)
ASPECTS = pytest.mark.parametrize("aspect", [1.0, 0.7, 1.6])


def test_no_boxes_map_to_no_boxes() -> None:
    placement = Placement(30, 20, (64, 64))
    assert (
        placement.boxes_to_image(np.zeros((0, 4))).shape == placement.boxes_to_input(np.zeros((0, 4))).shape == (0, 4)
    )


def test_one_pixel_fills_what_it_can() -> None:
    placement = Placement(1, 1, (64, 96))
    assert placement.content_box.tolist() == [16, 0, 80, 64]
    assert placement.to_input(np.full((1, 1), 200, np.uint8))[:, 16:80].min() == 200
    assert placement.boxes_to_image(np.array([[16.0, 0, 80, 64]])).tolist() == [[0, 0, 1, 1]]


@settings(max_examples=200, deadline=None)
@given(placements, st.tuples(unit, unit, unit, unit))
def test_boxes_come_back(placement: Placement, corners: tuple[float, float, float, float]) -> None:
    x, y = np.sort(corners[:2]) * placement.columns, np.sort(corners[2:]) * placement.rows
    box = np.array([[x[0], y[0], x[1], y[1]]])
    inside = placement.boxes_to_input(box)
    assert np.allclose(placement.boxes_to_image(inside), box, atol=1e-6)
    low, high = placement.content_box[:2], placement.content_box[2:]
    assert (inside[0, :2] >= low - 1e-6).all() and (inside[0, 2:] <= high + 1e-6).all()


@settings(max_examples=100, deadline=None)
@given(placements)
def test_the_film_covers_its_content_box(placement: Placement) -> None:
    whole = np.array([[0.0, 0, placement.columns, placement.rows]])
    assert np.allclose(placement.boxes_to_input(whole), placement.content_box)
    everything = np.array([[-50.0, -50, 5000, 5000]])
    assert np.allclose(placement.boxes_to_image(everything), whole)


@SHAPES
@TURNS
@ASPECTS
def test_a_painted_rectangle_is_found_where_its_box_lies(
    shape: tuple[int, int], orientation: str, aspect: float
) -> None:
    placement = Placement(*shape, (120, 96), orientation, aspect)
    pixels = np.zeros(shape, np.uint8)
    pixels[100:160, 30:85] = 255
    rows, columns = np.nonzero(placement.to_input(pixels) >= 128)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(placement.boxes_to_input(np.array([[30.0, 100, 85, 160]])) - found).max() < 1


@SHAPES
@TURNS
def test_a_heatmap_peaks_where_its_cell_lies(shape: tuple[int, int], orientation: str) -> None:
    placement = Placement(*shape, (120, 96), orientation)
    film = np.array([[0.4, 0.35, 0.4, 0.35]]) * np.array([shape[1], shape[0], shape[1], shape[0]])
    x, y = placement.boxes_to_input(film)[0, :2]
    maps = np.zeros((15, 12), np.float32)
    maps[int(y / 8), int(x / 8)] = 1
    heatmap = placement.maps_to_image(maps)
    assert heatmap.shape == shape and heatmap.dtype == np.float32
    cell = np.array([[x // 8, y // 8, x // 8 + 1, y // 8 + 1]]) * 8
    x_min, y_min, x_max, y_max = placement.boxes_to_image(cell)[0]
    row, column = np.unravel_index(heatmap.argmax(), shape)
    assert x_min - 1 <= column <= x_max + 1 and y_min - 1 <= row <= y_max + 1


def test_padding_is_black_and_whole_factors_are_averaged() -> None:
    random = np.random.default_rng(0).integers(0, 256, (128, 64), dtype=np.uint8)
    seen = Placement(128, 64, (64, 64)).to_input(random)
    assert (seen[:, :16] == 0).all() and (seen[:, 48:] == 0).all()
    mean = random.reshape(64, 2, 32, 2).mean(axis=(1, 3))
    assert np.abs(seen[:, 16:48] - mean).max() <= 0.5


def test_an_input_of_the_same_size_is_the_film() -> None:
    random = np.random.default_rng(0).integers(0, 256, (70, 90), dtype=np.uint8)
    assert (Placement(70, 90, (70, 90)).to_input(random) == random).all()


@pytest.mark.parametrize(
    "arguments", [(0, 5, (8, 8)), (5, 5, (8, 0)), (5, 5, (8, 8), "sideways"), (5, 5, (8, 8), "identity", 0.0)]
)
def test_impossible_placements_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError):
        Placement(*arguments)  # type: ignore[arg-type]
