"""Stability of boxes: films of a lake localized again with the network's input moved by a few pixels.

Where a finding lies does not change when a picture is moved; a box that does not follow, or a finding that comes and
goes, says how little the network's answer rests on. No annotation is needed, but archive and bundle are.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from harvest.ahead import map_ahead
from harvest.batches import Film, place
from harvest.config import HarvestConfig
from harvest.errors import ArchiveError, SettingsError
from harvest.evaluation.overlap import iou
from harvest.films_of_lake import FilmsOfLake
from harvest.lake import Lake, open_lake, writing
from harvest.localization import FindingResult, Localizer
from harvest.predict import Predictor
from harvest.publish import publish
from harvest.records import ArchiveObject, InstanceHeader
from harvest.run_record import RunRecord, latest_complete_run
from harvest.side_tables import SIDE_TABLES, write_side_part
from models.bundle import load_bundle

Row = dict[str, Any]
Shift = tuple[int, int]
Moved = tuple[Film, Shift]


@dataclass(frozen=True, slots=True)
class StabilityRequest:
    """What is to be measured.

    Attributes:
        model: the bundle that the lake was harvested with.
        films: at most so many, picked at random; the pick repeats.
        pixels: of the network's input, by which films are moved left, right, up and down.
        archive: where the films lie now; None: where they lay.
    """

    model: str
    films: int = 64
    pixels: int = 4
    archive: str | None = None


@dataclass(frozen=True, slots=True)
class StabilitySummary:
    """What was measured: films read, and rows of ``box_stability``."""

    films: int
    rows: int


def measure_stability(root: Path, request: StabilityRequest) -> StabilitySummary:
    """Measure how boxes follow their films, and publish it as the table ``box_stability``.

    Raises:
        LakeError: there is no lake, or no run of it is complete.
        SettingsError: the bundle is another one.
        ArchiveError: none of the films can be read.
    """
    lake = open_lake(root)
    record = latest_complete_run(lake)
    bundle = load_bundle(request.model)
    if bundle.digest != record["model_digest"]:
        raise SettingsError(f"The lake was harvested with another bundle than {request.model}: {record['bundle']}.")
    config = HarvestConfig.model_validate(record["config"])
    localizer = Localizer(Predictor(bundle, config.engine), config)
    films = dict(_read_films(lake, record, request, localizer.predictor.spec.network.input_hw))
    if not films:
        raise ArchiveError("None of the films can be read again; say with --archive where they lie now.")
    rows = list(_compare(localizer, films, request.pixels, record["config_fingerprint"]))
    with writing(root) as opened:
        table = pa.Table.from_pylist(rows, schema=SIDE_TABLES["box_stability"])
        write_side_part(opened, "box_stability", record["config_fingerprint"], table)
        publish(root)
    return StabilitySummary(len(films), len(rows))


def _read_films(
    lake: Lake, record: RunRecord, request: StabilityRequest, input_hw: tuple[int, int]
) -> Iterator[tuple[str, Film]]:
    """Yield films with a finding, by instance key: a keyed hash, so that the first ones are a random pick."""
    fingerprint = record["config_fingerprint"]
    rows = lake.read_column_set("instances", fingerprint, ["instance_key", "state", "vanished"]).to_pylist()
    keys = sorted(row["instance_key"] for row in rows if row["state"] == "localized" and not row["vanished"])
    ledger = lake.read_column_set("crosswalk", fingerprint, ["instance_key", "labels"]).to_pylist()
    labels = {row["instance_key"]: row["labels"] for row in ledger}
    archive = FilmsOfLake(lake, record, request.archive)
    for key in keys[: request.films]:
        with suppress(ArchiveError):
            image = archive.read_image(key)
            placement = place(image, input_hw)
            film = Film(ArchiveObject(key, 0, 0, labels[key]), 1, InstanceHeader(), None, placement)
            yield key, replace(film, input=placement.to_input(image.pixels, image.covered))


def _compare(localizer: Localizer, films: dict[str, Film], pixels: int, fingerprint: str) -> Iterator[Row]:
    shifts: tuple[Shift, ...] = ((0, 0), (pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
    wanted = ((film, shift) for film in films.values() for shift in shifts)
    still: dict[str, FindingResult] = {}
    batches = iter(lambda: tuple(islice(wanted, localizer.predictor.batch_size)), ())
    streams = localizer.predictor.streams

    def localized(batch: tuple[Moved, ...]) -> Iterable[tuple[Moved, list[FindingResult] | None]]:
        return zip(batch, localizer.localize([_moved(*one) for one in batch]), strict=True)

    for (film, shift), results in chain.from_iterable(map_ahead(localized, batches, streams, streams + 1)):
        named = {result.finding: result for result in results or ()}
        if shift == (0, 0):
            still = named
        elif still and named:
            common = {"config_fingerprint": fingerprint, "instance_key": film.source.path}
            yield from (common | row for row in _rows(film, shift, still, named))


def _moved(film: Film, shift: Shift) -> Film:
    """Move a film's input right and down; what comes in repeats the edge."""
    assert film.input is not None
    (x, y), (rows, columns) = shift, film.input.shape
    down, right = np.clip(np.arange(rows) - y, 0, rows - 1), np.clip(np.arange(columns) - x, 0, columns - 1)
    return replace(film, input=film.input[np.ix_(down, right)])


def _rows(film: Film, shift: Shift, still: dict[str, FindingResult], moved: dict[str, FindingResult]) -> Iterator[Row]:
    for finding, before in still.items():
        after = moved[finding]
        if before.gated or after.gated:
            yield {
                "finding": finding,
                "shift_x": shift[0],
                "shift_y": shift[1],
                "probability": before.probability,
                "shifted_probability": after.probability,
                "gated": before.gated,
                "shifted_gated": after.gated,
                "iou": _overlap(film, shift, before, after),
            }


def _overlap(film: Film, shift: Shift, before: FindingResult, after: FindingResult) -> float | None:
    """Return the IoU of the first boxes, the second one moved back; None where one is missing."""
    if not (before.boxes and after.boxes):
        return None
    assert film.placement is not None
    boxes = film.placement.boxes_to_input(np.array([before.boxes[0].box, after.boxes[0].box]))
    return float(iou(boxes[0], boxes[1] - np.tile(shift, 2)))
