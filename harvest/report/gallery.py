"""The gallery: films read once more from the archive, with stored attention laid over them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harvest.attention import StoredMaps, dequantise_maps, merge_stored
from harvest.config import HarvestConfig
from harvest.decode import iter_decode
from harvest.errors import ArchiveError, RejectedError
from harvest.evaluation.lake_films import read_rows
from harvest.geometry import Placement
from harvest.lake import Lake
from harvest.records import DecodedImage
from harvest.report.cases import choose_films, read_annotated, read_cases, shown_film
from harvest.report.figures import Row
from harvest.report.pictures import Frame, write_film, write_overlay
from harvest.report.records import Gallery, ShownCase, ShownFilm
from harvest.report.request import BoxSource
from harvest.run_record import RunRecord
from harvest.sources import open_source
from harvest.whereabouts import archive_locations
from models.spec import BundleSpec, Merge, MiningSpec

MAP_COLUMNS = (
    "instance_key", "config_fingerprint", "finding", "iterations", "map_rows", "map_columns", "maps", "scale", "offset",
    "keep", "orientation", "pixel_aspect",
)  # fmt: skip


@dataclass(frozen=True)
class GallerySettings:
    """How maps become pictures, from the record of the run that made them."""

    fingerprint: str
    config: HarvestConfig
    merge: Merge
    mining: MiningSpec
    input_hw: tuple[int, int]

    @classmethod
    def of(cls, record: RunRecord) -> "GallerySettings":
        """Read them from a run's record."""
        spec, config = BundleSpec.model_validate(record["bundle_spec"]), HarvestConfig.model_validate(record["config"])
        merge = config.boxes.merge or spec.boxes.merge
        return cls(record["config_fingerprint"], config, merge, spec.mining, spec.network.input_hw)


def write_gallery(lake: Lake, record: RunRecord, limit: int, boxes: BoxSource | None, folder: Path) -> Gallery:
    """Choose films, write their pictures into ``folder``/img, and return what the page shows of them.

    Raises:
        TableError: the box table cannot be used.
    """
    settings = GallerySettings.of(record)
    annotated = read_annotated(lake.root, settings.fingerprint, boxes)
    chosen = read_cases(lake.root, choose_films(lake.root, limit, annotated), annotated)
    reader = FilmReader(lake, settings, [film["instance_key"] for film, _ in chosen])
    shown: list[tuple[ShownFilm, tuple[ShownCase, ...]]] = []
    for row, cases in chosen:
        image = reader.read(row)
        if image is None:
            continue
        film = shown_film(row, len(shown) + 1, image.pixel_aspect)
        write_film(folder / film.picture, image.pixels)
        drawn = _draw_maps(folder, film, image, settings, zip(cases, reader.maps(row, cases), strict=True))
        shown.append((film, tuple(drawn)))
    return Gallery(tuple(shown), len(chosen) - len(shown))


class FilmReader:
    """Reads films and stored maps of chosen instances."""

    def __init__(self, lake: Lake, settings: GallerySettings, keys: Sequence[str]) -> None:
        """Look up where the films lie and read their maps."""
        self._settings = settings
        self._locations = archive_locations(lake)
        rows = read_rows(lake.root, "crosswalk", ["instance_key", "archive", "path", "size"], keys).to_pylist()
        self._origins = {row["instance_key"]: row for row in rows}
        maps = read_rows(lake.root, "attention", MAP_COLUMNS, keys).to_pylist()
        self._maps = {
            (row["instance_key"], row["finding"]): row
            for row in maps
            if row["config_fingerprint"] == settings.fingerprint
        }

    def read(self, row: Row) -> DecodedImage | None:
        """Decode a film as it was harvested; None where the file is gone, changed or unreadable."""
        origin, limits = self._origins.get(row["instance_key"]), self._settings.config.decode
        if origin is None:
            return None
        try:
            source = open_source(self._locations.get(origin["archive"], ""), origin["archive"])
            data = source.read_bytes(origin["path"], limits.max_bytes)
        except (ArchiveError, RejectedError):
            return None
        if len(data) != origin["size"]:  # what was decoded before, within bounds, is decoded here
            return None
        image = next((one.image for one in iter_decode(data, limits) if one.frame == row["frame"]), None)
        return image if image is not None and image.pixels.shape == (row["rows"], row["columns"]) else None

    def maps(self, row: Row, cases: Iterable[ShownCase]) -> list[Row | None]:
        """Return the stored maps of each case, None where there are none."""
        return [self._maps.get((row["instance_key"], case.finding)) for case in cases]


def _draw_maps(
    folder: Path,
    film: ShownFilm,
    image: DecodedImage,
    settings: GallerySettings,
    cases: Iterable[tuple[ShownCase, Row | None]],
) -> Iterable[ShownCase]:
    placement = Placement(film.rows, film.columns, settings.input_hw, image.orientation, image.pixel_aspect)
    frame = Frame.of(placement)
    for number, (case, row) in enumerate(cases, start=1):
        if row is None:
            yield case
            continue
        stored = _stored(row)
        (merged,) = merge_stored([stored], settings.merge, settings.mining)
        pictures = [frame.heat(merged), *(frame.step(*step) for step in zip(*dequantise_maps(stored), strict=True))]
        name = f"img/film-{film.number:04d}-{number}.png"
        write_overlay(folder / name, np.concatenate(pictures))
        yield replace(case, maps=name, iterations=len(pictures) - 1)


def _stored(row: Mapping[str, Any]) -> StoredMaps:
    shape = (row["iterations"], row["map_rows"], row["map_columns"])
    return StoredMaps.from_bytes(shape, row["maps"], row["keep"], (row["scale"], row["offset"]))
