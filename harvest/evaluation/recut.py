"""From the stored attention of a lake: boxes as Wang et al. cut them, and the place of each heatmap's maximum.

Needs neither network nor films; the maps are those from which the lake's own boxes were cut.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harvest.attention import StoredMaps
from harvest.box_rules import BoxRules
from harvest.boxes import Float32Map, cut_boxes, film_heatmap
from harvest.evaluation.lake_films import LakeFilm, read_rows
from harvest.evaluation.records import HarvestedBox, Peak
from harvest.geometry import Placement
from harvest.stored_maps import COLUMNS, read_maps, read_placement
from models.spec import BoxSpec, BundleSpec

WANG_THRESHOLDS = (60 / 255, 180 / 255)
"""Intensities at which Wang et al. 2017 binarise the heatmap."""
UNLIMITED = 1_000_000


@dataclass(frozen=True)
class FilmMap:
    """The merged attention of one (film, finding): ``merged`` is (h, w) H_f over the whole network input."""

    stem: str
    finding: str
    merged: Float32Map
    placement: Placement


@dataclass(frozen=True)
class StoredFilm:
    """The stored maps of one (film, finding), not yet merged."""

    stem: str
    finding: str
    stored: StoredMaps
    placement: Placement

    def merge(self, rules: BoxRules, iterations: int | None = None) -> FilmMap:
        """Merge the maps of the first ``iterations``; None: of all."""
        (merged,) = rules.merge([(self.finding, self.stored.first(iterations))], self.placement)
        return FilmMap(self.stem, self.finding, merged, self.placement)


def iter_film_maps(
    lake: Path, films: Mapping[str, LakeFilm], wanted: Collection[tuple[str, str]], spec: BundleSpec
) -> Iterator[FilmMap]:
    """Yield the merged attention of the wanted (stem, finding) pairs that the lake has maps of."""
    rules = BoxRules.of(spec)
    for one in iter_stored_films(lake, films, wanted, spec.network.input_hw):
        yield one.merge(rules)


def iter_stored_films(
    lake: Path, films: Mapping[str, LakeFilm], wanted: Collection[tuple[str, str]], input_hw: tuple[int, int]
) -> Iterator[StoredFilm]:
    """Yield the stored maps of the wanted (stem, finding) pairs; ``input_hw`` is of the network that made them."""
    named = {film.instance_key: film for film in films.values()}
    table = read_rows(lake, "attention", COLUMNS, named)
    for batch in table.to_batches(max_chunksize=256):
        for row in batch.to_pylist():
            film = named[row["instance_key"]]
            if (film.stem, row["finding"]) in wanted:
                yield _stored_film(row, film, input_hw)


def wang_boxes(one: FilmMap, spec: BoxSpec) -> list[HarvestedBox]:
    """Cut one box per isolated region at each of Wang's two intensities."""
    everything = spec.model_copy(update={"components": "all", "max_boxes": UNLIMITED})
    return [
        HarvestedBox(one.stem, one.finding, rank, *cut.box, mean_attention=cut.mean_attention)
        for rank, cut in enumerate(cut_boxes(one.merged, WANG_THRESHOLDS, everything, one.placement), start=1)
    ]


def heatmap_peak(one: FilmMap, spec: BoxSpec) -> Peak | None:
    """Return where the heatmap is largest (the first such cell, row by row); None where it is constant."""
    heatmap, origin = film_heatmap(one.merged, spec, one.placement)
    if not heatmap.any():
        return None
    row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    cell = np.array([column + origin[1], row + origin[0], column + origin[1] + 1, row + origin[0] + 1], dtype=float)
    height, width = np.array(one.placement.input_hw) / (np.array(one.merged.shape) * spec.upsampling)
    (box,) = one.placement.boxes_to_image(cell[None] * np.array([width, height, width, height]))
    return Peak(one.stem, one.finding, float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)


def _stored_film(row: dict[str, Any], film: LakeFilm, input_hw: tuple[int, int]) -> StoredFilm:
    assert film.rows is not None and film.columns is not None  # a film with maps was decoded
    placement = read_placement(row, (film.rows, film.columns), input_hw)
    return StoredFilm(film.stem, row["finding"], read_maps(row), placement)
