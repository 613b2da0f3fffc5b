"""The gallery: films read once more from the archive, with stored attention laid over them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from harvest.attention import dequantise_maps
from harvest.box_rules import BoxRules
from harvest.config import HarvestConfig, apply_overrides
from harvest.errors import ArchiveError, LakeError
from harvest.evaluation.lake_films import read_rows
from harvest.films_of_lake import FilmsOfLake
from harvest.lake import Lake
from harvest.records import DecodedImage
from harvest.report.answers import Row, ask
from harvest.report.cases import choose_films, read_annotated, read_cases, shown_film
from harvest.report.explorer import ExploredMap, explorer_data
from harvest.report.pictures import Frame, write_film, write_overlay
from harvest.report.records import Gallery, ShownCase, ShownFilm
from harvest.report.request import BoxSource
from harvest.run_record import RunRecord
from harvest.stored_maps import COLUMNS, read_maps, read_placement
from models.spec import BundleSpec


def write_gallery(lake: Lake, record: RunRecord, limit: int, boxes: BoxSource | None, folder: Path) -> Gallery:
    """Choose films, write their pictures into ``folder``/img, and return what the page shows of them.

    Raises:
        TableError: the box table cannot be used.
    """
    fingerprint = record["config_fingerprint"]
    spec = apply_overrides(
        BundleSpec.model_validate(record["bundle_spec"]), HarvestConfig.model_validate(record["config"])
    )
    annotated = read_annotated(lake.root, fingerprint, boxes)
    chosen = read_cases(lake.root, choose_films(lake.root, limit, annotated), annotated)
    maps = _read_map_rows(lake, fingerprint, [film["instance_key"] for film, _ in chosen])
    shown: list[tuple[ShownFilm, tuple[ShownCase, ...]]] = []
    numbered: dict[str, ShownFilm] = {}
    for row, cases, image in _iter_readable(lake, record, chosen):
        film = numbered[row["instance_key"]] = shown_film(row, len(shown) + 1, image.pixel_aspect)
        write_film(folder / film.picture, image.pixels)
        stored = [maps.get((row["instance_key"], case.finding)) for case in cases]
        shown.append((film, tuple(_draw_maps(folder, film, spec, zip(cases, stored, strict=True)))))
    explored = explorer_data(record, _explored(lake.root, numbered, maps))
    return Gallery(tuple(shown), len(chosen) - len(shown), explored)


def _explored(root: Path, films: Mapping[str, ShownFilm], maps: Mapping[tuple[str, str], Row]) -> Iterator[ExploredMap]:
    """Yield every stored map of the films shown, also of findings that were not boxed."""
    for row in ask(root, "gallery_predictions", keys=list(films)):
        stored = maps.get((row["instance_key"], row["finding"]))
        if stored is not None:
            yield ExploredMap(films[row["instance_key"]], stored, row["probability"], row["labeled"])


def _iter_readable(
    lake: Lake, record: RunRecord, chosen: Iterable[tuple[Row, list[ShownCase]]]
) -> Iterator[tuple[Row, list[ShownCase], DecodedImage]]:
    """Yield the films whose file is where it was and as it was, with their pixels."""
    try:
        films = FilmsOfLake(lake, record)
    except LakeError:  # its private folder was taken away
        return
    for row, cases in chosen:
        with suppress(ArchiveError):
            yield row, cases, films.read_image(row["instance_key"])


def _read_map_rows(lake: Lake, fingerprint: str, keys: Sequence[str]) -> dict[tuple[str, str], Row]:
    rows = read_rows(lake.root, "attention", [*COLUMNS, "config_fingerprint"], keys).to_pylist()
    return {(row["instance_key"], row["finding"]): row for row in rows if row["config_fingerprint"] == fingerprint}


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
        placement = read_placement(row, (film.rows, film.columns), spec.network.input_hw)
        frame = Frame.of(placement)
        (merged,) = BoxRules.of(spec).merge([(row["finding"], stored)], placement)
        pictures = [frame.heat(merged), *(frame.step(*step) for step in zip(*dequantise_maps(stored), strict=True))]
        name = f"img/film-{film.number:04d}-{number}.png"
        write_overlay(folder / name, np.concatenate(pictures))
        yield replace(case, maps=name, iterations=len(pictures) - 1)
