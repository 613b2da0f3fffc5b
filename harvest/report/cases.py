"""Which films the gallery shows, and what is known of each: findings, harvested and annotated boxes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harvest.annotations import AnnotatedBox, read_box_table
from harvest.errors import TableError
from harvest.evaluation.lake_films import read_lake_films, to_stored_pixels
from harvest.report.answers import Row, ask
from harvest.report.records import ShownBox, ShownCase, ShownFilm
from harvest.report.request import BoxSource

Annotated = Mapping[tuple[str, str], tuple[AnnotatedBox, ...]]
"""Boxes in pixels of the stored image, by instance key and finding."""
PSEUDONYM = 32


def read_annotated(lake: Path, fingerprint: str, source: BoxSource | None) -> Annotated:
    """Match a box table with the films of a lake.

    Raises:
        TableError: the table cannot be read, or none of its films is in the lake.
        LakeError: film names are pseudonyms and the crosswalk is missing.
    """
    if source is None:
        return {}
    boxes = read_box_table(source.table).boxes
    films = read_lake_films(lake, fingerprint).named({box.stem for box in boxes})
    if not films:
        raise TableError(f"None of the films in {source.table} is in the lake {lake}; is it the table of this archive?")
    found: dict[tuple[str, str], tuple[AnnotatedBox, ...]] = defaultdict(tuple)
    for box in boxes:
        if box.stem in films:
            film = films[box.stem]
            found[film.instance_key, box.finding] += (to_stored_pixels(box, film, source.frame),)
    return dict(found)


def choose_films(lake: Path, limit: int, annotated: Annotated) -> list[Row]:
    """Return rows of at most ``limit`` films: those with annotated boxes first, then each finding in turn."""
    pairs = [f"{key}/{finding}" for key, finding in annotated]
    return ask(lake, "gallery_films", films=limit, annotated=pairs)


def read_cases(lake: Path, films: Iterable[Row], annotated: Annotated) -> list[tuple[Row, list[ShownCase]]]:
    """Return each film with its findings that have a box: annotated ones first, then by probability."""
    films = list(films)
    keys = [film["instance_key"] for film in films]
    boxes: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in ask(lake, "gallery_boxes", keys=keys):
        boxes[row["instance_key"], row["finding"]].append(row)
    predictions: dict[str, list[Row]] = defaultdict(list)
    for row in ask(lake, "gallery_predictions", keys=keys):
        predictions[row["instance_key"]].append(row)
    cases = [list(_cases(film, predictions[film["instance_key"]], boxes, annotated)) for film in films]
    return [(film, sorted(shown, key=lambda one: not one.annotated)) for film, shown in zip(films, cases, strict=True)]


def shown_film(row: Row, number: int, pixel_aspect: float) -> ShownFilm:
    """Return what stands beside the pictures of a film."""
    return ShownFilm(
        number=number,
        name=_name(row),
        rows=row["rows"],
        columns=row["columns"],
        pixel_aspect=pixel_aspect,
        about=" · ".join(_about(row)),
        date=_date(row),
    )


def _cases(
    film: Row, predictions: Iterable[Row], boxes: Mapping[tuple[str, str], list[Row]], annotated: Annotated
) -> Iterable[ShownCase]:
    for row in predictions:
        pair = (film["instance_key"], row["finding"])
        ours, drawn = boxes.get(pair, []), annotated.get(pair, ())
        if ours or drawn:
            yield ShownCase(
                finding=row["finding"],
                probability=row["probability"],
                gate=row["gate"],
                labeled=row["labeled"],
                harvested=tuple(_box(box) for box in ours),
                annotated=tuple((one.x_min, one.y_min, one.x_max - one.x_min, one.y_max - one.y_min) for one in drawn),
                side_share=_side_share(ours, film),
            )


def _box(row: Row) -> ShownBox:
    width, height = row["x_max"] - row["x_min"], row["y_max"] - row["y_min"]
    known = row["width_mm"] is not None and row["height_mm"] is not None
    size = f"{row['width_mm']:.0f} × {row['height_mm']:.0f} mm" if known else f"{width:.0f} × {height:.0f} px"
    return ShownBox(
        rank=row["rank"],
        x=row["x_min"],
        y=row["y_min"],
        width=width,
        height=height,
        mean_attention=row["mean_attention"],
        threshold=row["threshold"],
        size=size,
    )


def _side_share(boxes: list[Row], film: Row) -> float:
    """Return the side of the square of the first box's area, as a share of the film's; 0 without a box."""
    if not boxes:
        return 0.0
    first = boxes[0]
    area = (first["x_max"] - first["x_min"]) * (first["y_max"] - first["y_min"])
    share: float = (area / (film["rows"] * film["columns"])) ** 0.5
    return share


def _name(row: Row) -> str:
    """Return the file's name where the lake keeps it, else the start of its pseudonym."""
    uri: str = row["source_uri"]
    name = uri.rsplit("/", 1)[-1] if "/" in uri else f"film {uri[: PSEUDONYM // 4]}"
    return name if row["frame"] == 1 else f"{name}, frame {row['frame']}"


def _about(row: Row) -> list[str]:
    age = row["age_years"]
    known: list[Any] = [row["view_position"], row["sex"], None if age is None else f"{age:.0f} y", _date(row)]
    return [str(value) for value in known if value]


def _date(row: Row) -> str:
    """Return ``2019-03``, ``2019`` or nothing."""
    if row["study_year"] is None:
        return ""
    month = row["study_month"]
    return f"{row['study_year']:04d}" + (f"-{month:02d}" if month else "")
