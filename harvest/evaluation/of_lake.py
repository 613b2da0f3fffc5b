"""The evaluation of a harvested lake: the one path by which every figure of this project is made."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harvest.annotations import AnnotatedBox, BoxTable, match_films, read_box_table, read_label_table
from harvest.config import LABELED_FILMS
from harvest.decode import iter_decode
from harvest.errors import RejectedError, SettingsError, TableError
from harvest.evaluation.lake_films import (
    BoxFrame,
    LakeFilm,
    LakeFilms,
    read_boxes,
    read_lake_films,
    read_probabilities,
    to_stored_pixels,
)
from harvest.evaluation.measure import MapReadings, Measured, Sampling, measure, to_metrics
from harvest.evaluation.overlap import Boxes
from harvest.evaluation.overlays import FilmReader, ShownCase, show_cases
from harvest.evaluation.records import EvaluationSet
from harvest.evaluation.recut import heatmap_peak, iter_film_maps, wang_boxes
from harvest.records import UInt8Image
from harvest.sources import open_source
from models.spec import BundleSpec

METRICS_FORMAT = 1


@dataclass(frozen=True)
class EvaluationRequest:
    """What to score against.

    Attributes:
        boxes: box table.
        frame: width and height of its frame; None: pixels of the stored images.
        labels: label table; needed for a split.
        split_column: column of the label table that names the split of a film.
        splits: the splits to score; all films when empty.
        images: folder of the films, for the page's examples; none are shown without it.
        lenient: leave out rows of the tables that cannot be read.
        sampling: of the intervals.
    """

    boxes: Path
    frame: BoxFrame = (1024.0, 1024.0)
    labels: Path | None = None
    split_column: str | None = None
    splits: tuple[str, ...] = ()
    images: Path | None = None
    lenient: bool = False
    sampling: Sampling = field(default_factory=Sampling)

    def split_stems(self) -> frozenset[str] | None:
        """Return the films of the wanted splits; None for all.

        Raises:
            SettingsError: of split column, splits and label table only some are given.
            TableError: the label table cannot be read, or has no such column or split.
        """
        if self.split_column is None and not self.splits:
            return None
        if self.split_column is None or not self.splits or self.labels is None:
            raise SettingsError("A split needs --labels, --split-column and --split together.")
        table = read_label_table(self.labels, self.lenient)
        return frozenset(table.select(self.split_column, self.splits).rows)


@dataclass(frozen=True)
class Evaluation:
    """The figures (``metrics.json``) and the films that the page shows."""

    metrics: dict[str, Any]
    shown: tuple[ShownCase, ...]


def evaluate_lake(lake: Path, request: EvaluationRequest, spec: BundleSpec | None) -> Evaluation:
    """Score a lake against annotated boxes.

    Annotated boxes of films that the lake does not hold, or of other splits, are out of scope and counted as such;
    those of rejected films are in scope and missed.

    Args:
        lake: folder of the lake.
        request: tables and settings.
        spec: of the bundle that harvested it; None leaves out what needs the maps (``wang-all-boxes``, pointing game).

    Raises:
        LakeError: the lake cannot be read.
        TableError: a table cannot be read, or no annotated box is of a film of the lake.
    """
    scope = read_scope(lake, request)
    evaluated = EvaluationSet(
        patients={stem: film.patient for stem, film in scope.films.items()},
        annotated=scope.annotated,
        harvested=read_boxes(lake, scope.films),
    )
    readings = None if spec is None else _read_maps(lake, scope.films, evaluated, spec)
    measured = measure(evaluated, readings, read_probabilities(scope.lake, scope.stems), request.sampling)
    metrics = _about(scope, spec) | to_metrics(measured)
    return Evaluation(metrics, _shown(measured, evaluated, request.images) if request.images else ())


@dataclass(frozen=True)
class Scope:
    """What of a lake and a box table is scored.

    Attributes:
        lake: all its films.
        table: all annotated boxes, in their own frame.
        stems: of the wanted splits; None for all.
        films: with annotated boxes in scope, by stem.
        annotated: boxes of these films, in pixels of the stored image.
    """

    lake: LakeFilms
    table: BoxTable
    stems: frozenset[str] | None
    films: Mapping[str, LakeFilm]
    annotated: tuple[AnnotatedBox, ...]

    def corners(self) -> dict[tuple[str, str], Boxes]:
        """Return the annotated boxes (A, 4) of each (stem, finding), x_min, y_min, x_max, y_max in stored pixels."""
        drawn: dict[tuple[str, str], list[tuple[float, float, float, float]]] = {}
        for box in self.annotated:
            drawn.setdefault((box.stem, box.finding), []).append((box.x_min, box.y_min, box.x_max, box.y_max))
        return {pair: np.array(boxes) for pair, boxes in drawn.items()}


def read_scope(lake: Path, request: EvaluationRequest) -> Scope:
    """Match the box table with the films of a lake; raises like :func:`evaluate_lake`."""
    lake_films, stems = read_lake_films(lake), request.split_stems()
    table = read_box_table(request.boxes, request.lenient)
    wanted = {box.stem for box in table.boxes if stems is None or box.stem in stems}
    films = lake_films.named(wanted)
    if not films:
        raise TableError(f"None of the {len(wanted)} films in {request.boxes} is in the lake {lake}.")
    annotated = [to_stored_pixels(box, films[box.stem], request.frame) for box in table.boxes if box.stem in films]
    return Scope(lake_films, table, stems, films, tuple(annotated))


def _read_maps(lake: Path, films: Mapping[str, LakeFilm], evaluated: EvaluationSet, spec: BundleSpec) -> MapReadings:
    pairs = {(box.stem, box.finding) for box in evaluated.annotated}
    wang, peaks = [], []
    for one in iter_film_maps(lake, films, pairs, spec):
        wang += wang_boxes(one, spec.boxes)
        peaks.append(heatmap_peak(one, spec.boxes))
    return MapReadings(wang, [peak for peak in peaks if peak is not None])


def _about(scope: Scope, spec: BundleSpec | None) -> dict[str, Any]:
    digest, fingerprint = scope.lake.settings
    name, version = (spec.name, spec.version) if spec else (digest[:12], None)
    return {
        "format": METRICS_FORMAT,
        "model": {"name": name, "version": version, "digest": digest},
        "config_fingerprint": fingerprint,
        "box_table_sha256": scope.table.digest,
        "box_table_rows_skipped": list(scope.table.skipped),
        "films": {
            "scored": len(scope.films),
            "of_these_rejected": sum(film.state == "rejected" for film in scope.films.values()),
            "annotated_but_not_in_scope": len({box.stem for box in scope.table.boxes}) - len(scope.films),
        },
    }


def _shown(measured: Measured, evaluated: EvaluationSet, images: Path) -> tuple[ShownCase, ...]:
    return tuple(show_cases(measured.cases, evaluated, _film_reader(images, evaluated.patients)))


def _film_reader(images: Path, stems: Collection[str]) -> FilmReader:
    source, limits = open_source(str(images)), LABELED_FILMS
    paths = match_films((one.path for one in source.iter_objects()), stems)

    def read(stem: str) -> UInt8Image | None:
        if stem not in paths:
            return None
        try:
            outcome = next(iter_decode(source.read_bytes(paths[stem], limits.max_bytes), limits))
        except RejectedError:
            return None
        return None if outcome.image is None else outcome.image.pixels

    return read
