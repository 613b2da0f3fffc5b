"""A harvested lake as plain records: films by the stem that the box table names, boxes, probabilities.

Names and patients come from the private crosswalk; a lake written with ``--identifiers keep`` can be read without it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from harvest.annotations import AnnotatedBox, film_stem
from harvest.errors import LakeError, TableError
from harvest.evaluation.records import HarvestedBox
from harvest.lake import SCHEMAS, Lake

BoxFrame = tuple[float, float] | None
"""Width and height of the frame of a box table; None: pixels of the stored image."""


@dataclass(frozen=True, slots=True)
class LakeFilm:
    """One instance of the lake.

    Attributes:
        stem: file name without folder and suffix.
        path: of the object, relative to the archive; None without crosswalk.
        patient: identifier in the crosswalk; a film whose patient nobody knows is a patient of its own.
        rows, columns: of the stored image; None where it was rejected before it was decoded.
        state: localized, no_finding or rejected.
    """

    instance_key: str
    stem: str
    path: str | None
    patient: str
    rows: int | None
    columns: int | None
    state: str


@dataclass(frozen=True)
class LakeFilms:
    """The instances of a lake; ``settings`` is (model digest, configuration fingerprint) of all its rows."""

    lake: Path
    films: tuple[LakeFilm, ...]
    settings: tuple[str, str]

    def named(self, stems: Collection[str]) -> dict[str, LakeFilm]:
        """Return the films that have one of the given stems.

        Raises:
            TableError: two instances that were not rejected have the same wanted stem.
        """
        found: dict[str, LakeFilm] = {}
        for film in self.films:
            if film.stem not in stems:
                continue
            other = found.get(film.stem)
            if other is None or other.state == "rejected":
                found[film.stem] = film
            elif film.state != "rejected":
                raise TableError(
                    f"Two films of the lake are named {film.stem}, so its annotated boxes are ambiguous. "
                    "Harvest one folder of films at a time to evaluate it."
                )
        return found


def read_lake_films(lake: Path, fingerprint: str | None = None) -> LakeFilms:
    """Read which films a lake holds; of rows made under several settings, those of one ``fingerprint``.

    Raises:
        LakeError: there is no lake, its rows come from several settings, or names are pseudonyms and the crosswalk
            is missing.
    """
    columns = ["instance_key", "model_digest", "config_fingerprint", "source_uri", "state", "rows", "columns"]
    instances = read_rows(lake, "instances", [*columns, "patient_key"]).to_pylist()
    if fingerprint is not None:
        instances = [row for row in instances if row["config_fingerprint"] == fingerprint]
    if not instances:
        raise LakeError(f"{lake} holds no instances. Give the folder that `iam-harvest run --out` wrote.")
    settings = {(row["model_digest"], row["config_fingerprint"]) for row in instances}
    if len(settings) > 1:
        raise LakeError(f"{lake} holds rows of {len(settings)} models or settings; evaluate a lake of one.")
    origins = {row["instance_key"]: row for row in _read_origins(lake)}
    films = [_film(row, origins.get(row["instance_key"])) for row in instances]
    return LakeFilms(lake, tuple(sorted(films, key=lambda film: (film.stem, film.instance_key))), settings.pop())


def read_rows(lake: Path, table: str, columns: Sequence[str], keys: Collection[str] | None = None) -> pa.Table:
    """Read columns of one table of a lake; with ``keys``, only the rows of those instances."""
    committed = {path.name for path in Lake(lake).folder("crosswalk").glob("part-*.parquet")}
    parts = sorted(Lake(lake).folder(table).glob("part-*.parquet"))
    # What a killed writer left is not committed; a lake whose private folder was taken away is read whole.
    paths = [str(path) for path in parts if path.name in committed or not committed]
    wanted = None if keys is None else ds.field("instance_key").isin(pa.array(sorted(keys), pa.string()))
    return ds.dataset(paths, schema=SCHEMAS[table], format="parquet").to_table(columns=list(columns), filter=wanted)


def read_boxes(lake: Path, films: Mapping[str, LakeFilm]) -> list[HarvestedBox]:
    """Read the harvested boxes of films given by stem, in pixels of the stored image."""
    names = {film.instance_key: stem for stem, film in films.items()}
    columns = ["instance_key", "finding", "rank", "x_min", "y_min", "x_max", "y_max", "probability", "mean_attention"]
    rows = read_rows(lake, "boxes", columns, names).to_pylist()
    return [HarvestedBox(names[row.pop("instance_key")], **row) for row in rows]


@dataclass(frozen=True)
class LabeledProbabilities:
    """Films for which the label table says whether they carry a finding.

    Attributes:
        probability: (N,).
        positive: (N,) bool.
        patients: N patients.
    """

    probability: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]
    patients: tuple[str, ...]


def read_probabilities(lake: LakeFilms, stems: Collection[str] | None) -> dict[str, LabeledProbabilities]:
    """Read probabilities and labels by finding; ``stems`` limits the films, None takes all that have labels."""
    patient = {film.instance_key: film.patient for film in lake.films if stems is None or film.stem in stems}
    table = read_rows(lake.lake, "predictions", ["instance_key", "finding", "probability", "labeled"], patient)
    table = table.filter(ds.field("labeled").is_valid())
    groups = {name: table.filter(ds.field("finding") == name) for name in table["finding"].unique().to_pylist()}
    return {
        finding: LabeledProbabilities(
            rows["probability"].to_numpy(),
            rows["labeled"].to_numpy(),
            tuple(patient[key] for key in rows["instance_key"].to_pylist()),
        )
        for finding, rows in groups.items()
    }


def to_stored_pixels(box: AnnotatedBox, film: LakeFilm, frame: BoxFrame) -> AnnotatedBox:
    """Scale an annotated box from the frame of its table to the pixels of the stored image.

    A film that was rejected before decoding has no size; its boxes stay as they are, nothing can hit them anyway.
    """
    if frame is None or film.rows is None or film.columns is None:
        return box
    x, y = film.columns / frame[0], film.rows / frame[1]
    return AnnotatedBox(box.stem, box.finding, box.x_min * x, box.y_min * y, box.x_max * x, box.y_max * y)


def _read_origins(lake: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_rows(lake, "crosswalk", ["instance_key", "path", "patient_id"]).to_pylist()
    return rows


def _film(row: dict[str, Any], origin: dict[str, Any] | None) -> LakeFilm:
    path = origin["path"] if origin else None
    if path is None and "/" not in row["source_uri"]:
        raise LakeError(
            "The film names of this lake are pseudonyms and its private/crosswalk is missing, so films cannot be "
            "matched with the box table. Evaluate where the crosswalk is kept."
        )
    stem = film_stem(path or row["source_uri"])
    patient = (origin["patient_id"] if origin else row["patient_key"]) or f"film {row['instance_key']}"
    return LakeFilm(row["instance_key"], stem, path, patient, row["rows"], row["columns"], row["state"])
