"""Boxes of many maps at once, to the last digit those of a plain cutting: cell by cell, map by map."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from harvest.attention import quantise_maps, stack_maps
from harvest.box_rules import BoxRules, MapStack
from harvest.boxes import MapToCut, as_boxes, cut_each, film_heatmap, heatmap_window
from harvest.geometry import ORIENTATIONS, Placement
from models.findings import FINDINGS
from models.spec import BoxSpec, FindingSpec, MiningSpec

THRESHOLDS = (0.1, 0.25, 1 / 3, 0.5, 0.7, 0.9, 0.999)
Cut = tuple[tuple[float, ...], float, float]
"""Box, mean attention, threshold."""
Region = tuple[int, int, int, int, float, float]
"""x_min, y_min, x_max, y_max on the heatmap, mean attention, threshold."""


def cut_plainly(one: MapToCut, spec: BoxSpec) -> list[Cut]:
    """Return what ``harvest.boxes`` is to cut from one map, best rank first."""
    heatmap, _ = film_heatmap(one.merged, spec, one.placement)
    regions = [region for threshold in sorted(set(one.thresholds)) for region in find(heatmap, threshold, spec)]
    order = {
        "mean_attention": lambda region: -region[4],
        "threshold_ascending": lambda region: region[5],
        "threshold_descending": lambda region: -region[5],
        "listed": lambda region: one.thresholds.index(region[5]),
    }[spec.rank_by]
    regions.sort(key=lambda region: (order(region), -region[4], region[5], region[:4]))
    distinct: dict[tuple[float, ...], Cut] = {}
    for region in regions:
        box = to_image(region, one, spec)
        distinct.setdefault(box, (box, region[4], region[5]))
    return list(distinct.values())[: spec.max_boxes]


def find(heatmap: np.ndarray, threshold: float, spec: BoxSpec) -> list[Region]:
    """Return the regions at or above a threshold that are to be boxed."""
    if not heatmap.any():
        return []
    labels, count = ndimage.label(heatmap >= threshold, np.ones((3, 3)))
    wanted = range(1, count + 1) if spec.components == "all" else [labels.flat[heatmap.argmax()]]
    regions = []
    for label in wanted:
        rows, columns = np.nonzero(labels == label)
        y_min, x_min, y_max, x_max = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        mean = float(heatmap[y_min:y_max, x_min:x_max].mean(dtype=np.float64))
        regions.append((int(x_min), int(y_min), int(x_max), int(y_max), mean, threshold))
    return regions


def to_image(region: Region, one: MapToCut, spec: BoxSpec) -> tuple[float, ...]:
    """Return a region's box in pixels of the stored image."""
    height, width = one.merged.shape
    left, top, _, _ = heatmap_window((height, width), spec.upsampling, one.placement)
    cell_y = one.placement.input_hw[0] / (height * spec.upsampling)
    cell_x = one.placement.input_hw[1] / (width * spec.upsampling)
    x_min, y_min, x_max, y_max = region[:4]
    edges = [(x_min + left) * cell_x, (y_min + top) * cell_y, (x_max + left) * cell_x, (y_max + top) * cell_y]
    return tuple(one.placement.boxes_to_image(np.array([edges]))[0].tolist())


def some_map(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Constant, plateaus with ties, one cell, noise, stripes that touch by corners, or smooth as attention is."""
    merged = np.full((height, width), random.normal(), np.float32)
    kind = random.integers(0, 8)
    if kind == 1:
        merged = random.integers(0, 3, (height, width)).astype(np.float32)
    elif kind == 2:
        merged[random.integers(height), random.integers(width)] += 1
    elif kind == 3:
        merged = random.normal(size=(height, width)).astype(np.float32)
    elif kind == 4:
        merged = ((np.add.outer(np.arange(height), np.arange(width)) % 3) == 0).astype(np.float32)
    elif kind > 4:
        merged = ndimage.gaussian_filter(random.random((height, width)), 2).astype(np.float32)
    return merged


def some_placement(random: np.random.Generator, input_hw: tuple[int, int]) -> Placement:
    rows, columns = random.integers(1, 300, 2).tolist()
    return Placement(rows, columns, input_hw, str(random.choice(ORIENTATIONS)), float(random.choice([0.4, 1, 1.3])))


def some_maps(random: np.random.Generator, count: int) -> list[MapToCut]:
    """Maps of one shape; some films have several."""
    height, width = random.integers(1, 13, 2).tolist()
    placement, maps = some_placement(random, (16 * height, 16 * width)), []
    for _ in range(count):
        if random.random() < 0.5:
            placement = some_placement(random, (16 * height, 16 * width))
        thresholds = tuple(random.choice(THRESHOLDS, random.integers(1, 5)).tolist())
        maps.append(MapToCut(some_map(random, height, width), thresholds, placement))
    return maps


def values(cut: Any) -> list[list[Cut]]:
    return [[(box.box, box.mean_attention, box.threshold) for box in boxes] for boxes in cut]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("components", ["peak", "all"])
@pytest.mark.parametrize("rank_by", ["mean_attention", "threshold_ascending", "threshold_descending", "listed"])
def test_many_maps_give_what_each_gives_alone(seed: int, components: Any, rank_by: Any) -> None:
    random = np.random.default_rng(seed)
    maps = some_maps(random, int(random.integers(0, 36)))
    spec = BoxSpec(
        upsampling=int(random.choice([1, 3, 8])),
        smoothing=float(random.choice([0, 0.7])),
        max_boxes=int(random.integers(1, 5)),
        components=components,
        rank_by=rank_by,
    )
    cut = cut_each(maps, spec)
    assert values(as_boxes(cut, len(maps))) == [cut_plainly(one, spec) for one in maps]
    for number in range(len(maps)):
        ranks = cut["rank"][cut["of"] == number].tolist()
        assert ranks == list(range(1, len(ranks) + 1))


@pytest.mark.parametrize("merge", ["raw", "normalised", "max"])
def test_rules_give_films_that_come_together_what_each_gets_alone(merge: Any) -> None:
    random = np.random.default_rng(11)
    place = tuple(tuple(row) for row in random.uniform(0.1, 1, (5, 4)).tolist())
    findings = {name: FindingSpec(place=place if number % 2 else None) for number, name in enumerate(FINDINGS)}
    rules = BoxRules(BoxSpec(merge=merge, place_weight=0.6, asymmetry_weight=0.2), MiningSpec(), findings)
    films = []
    for _ in range(20):
        seen = random.integers(-127, 128, (32, 32)).astype(np.int8)
        attention = ndimage.gaussian_filter(random.normal(size=(4, 3, 12, 12)), (0, 0, 1, 1)).astype(np.float32)
        keep = np.ones(attention.shape, bool)
        keep[:, 1:] = random.random((4, 2, 12, 12)) > 0.1
        names = random.choice(FINDINGS, random.integers(1, 5), replace=False).tolist()
        stored = [quantise_maps(*one).with_asymmetry(seen) for one in zip(attention * keep, keep, strict=True)]
        films.append((list(zip(names, stored, strict=False)), some_placement(random, (192, 192))))
    flat = [(name, stored, placement) for maps, placement in films for name, stored in maps]
    names, stored, placements = zip(*flat, strict=True)
    together = as_boxes(rules.cut_stack(MapStack(names, stack_maps(stored), placements)), len(flat))
    alone = [boxes for maps, placement in films for boxes in rules.cut(maps, placement)]
    assert together == alone
