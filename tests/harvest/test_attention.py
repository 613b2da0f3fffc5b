"""Stored maps: what is cut later must be what was cut in the run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.attention import StoredMaps, dequantise_maps, merge_stored, quantise_maps, stack_maps
from models.spec import Merge, MiningSpec


def example(seed: int, iterations: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    keep = np.ones((iterations, 5, 7), bool)
    for step in range(1, iterations):
        keep[step] = keep[step - 1] & (random.random((5, 7)) > 0.2)
    attention = (random.normal(size=(iterations, 5, 7)) * 10).astype(np.float32)
    return np.where(keep, attention, np.float32(0)).astype(np.float32), keep


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 4))
def test_a_map_comes_back_within_half_a_step(seed: int, iterations: int) -> None:
    attention, keep = example(seed, iterations)
    back, masks = dequantise_maps(quantise_maps(attention, keep))
    step = (attention.max(axis=(1, 2)) - attention.min(axis=(1, 2))) / 255
    assert (np.abs(back - attention) <= step[:, None, None] * 0.51).all()
    assert (masks == keep).all()
    assert (back[~keep] == 0).all()


def test_bytes_hold_the_same_maps() -> None:
    stored = quantise_maps(*example(1))
    shape = (3, 5, 7)
    levels = (stored.scale.tolist(), stored.offset.tolist())
    maps, keep = (np.frombuffer(packed, np.uint8) for packed in (stored.maps.tobytes(), stored.keep_bytes()))
    back = StoredMaps.from_bytes(shape, maps, keep, levels)
    for mine, theirs in zip(dequantise_maps(stored), dequantise_maps(back), strict=True):
        assert (mine == theirs).all()


def test_constant_maps_are_kept_as_they_are() -> None:
    attention, keep = np.full((2, 5, 7), -3.0, np.float32), np.ones((2, 5, 7), bool)
    assert (dequantise_maps(quantise_maps(attention, keep))[0] == -3).all()


@pytest.mark.parametrize("merge", ["normalised", "raw", "max"])
@pytest.mark.parametrize("iterations", [1, 3, 5, 8])
def test_a_merge_does_not_depend_on_its_neighbours(merge: Merge, iterations: int) -> None:
    stored = [quantise_maps(*example(seed, iterations)) for seed in range(4)]
    together = merge_stored(stack_maps(stored), merge, MiningSpec())
    alone = merge_stored(stack_maps(stored[2:3]), merge, MiningSpec())
    assert (together[2] == alone[0]).all()
