"""The gallery: films read once more from the archive, with stored attention laid over them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harvest.attention import dequantise_maps, merge_stored
from harvest.config import HarvestConfig, apply_overrides
from harvest.decode import iter_decode
from harvest.errors import ArchiveError, RejectedError
from harvest.evaluation.lake_films import read_rows
from harvest.lake import Lake
from harvest.records import DecodedImage
from harvest.report.cases import choose_films, read_annotated, read_cases, shown_film
from harvest.report.figures import Row
from harvest.report.pictures import Frame, write_film, write_overlay
from harvest.report.records import Gallery, ShownCase, ShownFilm
from harvest.report.request import BoxSource
from harvest.run_record import RunRecord
from harvest.sources import open_source
from harvest.stored_maps import COLUMNS, read_maps, read_placement
from harvest.whereabouts import archive_locations
from models.spec import BundleSpec


@dataclass(frozen=True)
class GallerySettings:
    """How maps become pictures, from the record of the run that made them."""

    fingerprint: str
    config: HarvestConfig
    spec: BundleSpec

    @classmethod
    def of(cls, record: RunRecord) -> "GallerySettings":
        """Read them from a run's record."""
        config = HarvestConfig.model_validate(record["config"])
        spec = apply_overrides(BundleSpec.model_validate(record["bundle_spec"]), config)
        return cls(record["config_fingerprint"], config, spec)


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
        drawn = _draw_maps(folder, film, settings.spec, zip(cases, reader.maps(row, cases), strict=True))
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
        maps = read_rows(lake.root, "attention", [*COLUMNS, "config_fingerprint"], keys).to_pylist()
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
    spec: BundleSpec,
    cases: Iterable[tuple[ShownCase, Row | None]],
) -> Iterable[ShownCase]:
    for number, (case, row) in enumerate(cases, start=1):
        if row is None:
            yield case
            continue
        stored = read_maps(row)
        frame = Frame.of(read_placement(row, (film.rows, film.columns), spec.network.input_hw))
        (merged,) = merge_stored([stored], spec.boxes.merge, spec.mining)
        pictures = [frame.heat(merged), *(frame.step(*step) for step in zip(*dequantise_maps(stored), strict=True))]
        name = f"img/film-{film.number:04d}-{number}.png"
        write_overlay(folder / name, np.concatenate(pictures))
        yield replace(case, maps=name, iterations=len(pictures) - 1)
