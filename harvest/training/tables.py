"""From an images folder and a label table to films to train on, films held out, and films to mine."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harvest.annotations import LabelTable, match_films, read_box_table, read_label_table
from harvest.errors import TableError
from harvest.sources import Source, open_source
from harvest.training.config import DataSettings
from harvest.training.films import FilmList


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of which table are used.

    Attributes:
        images: folder of films.
        labels: label table.
        split_column: of the table, where there is one.
        splits: its values to use; empty: all.
        mine: films to be mined: a box table, or a column of the label table whose cell is not empty, 0, no or false;
            None: films with at least one finding.
        lenient: leave out rows that cannot be read.
    """

    images: Path
    labels: Path
    split_column: str | None = None
    splits: tuple[str, ...] = ()
    mine: str | None = None
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class TrainingFilms:
    """The films of a training.

    Attributes:
        source: of the files.
        films: all of them, in the table's order.
        held_out: (N,) bool, for validation.
        to_mine: (N,) bool; those held out are never mined.
        table_digest: SHA-256 of the label table.
        skipped: lines of the tables that were left out, with reasons.
    """

    source: Source
    films: FilmList
    held_out: npt.NDArray[np.bool_]
    to_mine: npt.NDArray[np.bool_]
    table_digest: str
    skipped: tuple[str, ...] = ()

    def subset(self, wanted: npt.NDArray[np.bool_]) -> "TrainingFilms":
        """Return the films where ``wanted`` (N,) is true."""
        films, held, mine = self.films.subset(wanted), self.held_out[wanted], self.to_mine[wanted]
        return replace(self, films=films, held_out=held, to_mine=mine)


def select_films(selection: Selection, data: DataSettings, seed: int, findings: tuple[str, ...]) -> TrainingFilms:
    """Read tables, match films, and hold patients out.

    Raises:
        TableError: a table cannot be read, does not fit the images or names no such column or split.
        ArchiveError: the images folder is missing.
    """
    table = read_label_table(selection.labels, selection.lenient)
    wanted = _used_rows(table, selection, data)
    source = open_source(str(selection.images))
    objects = {one.path: one for one in source.iter_objects()}
    paths = match_films(objects, wanted.rows)
    rows = [wanted.rows[stem] for stem in paths]
    patients = tuple(row.patient_id or stem for stem, row in zip(paths, rows, strict=True))
    labels = np.array([[finding in row.findings for finding in findings] for row in rows], dtype=bool)
    films = FilmList(tuple(objects[path] for path in paths.values()), labels, patients)
    if data.validation_splits:
        held = np.array([row.columns[selection.split_column or ""] in data.validation_splits for row in rows])
    else:
        held = hold_out(patients, data.validation_share, seed)
    mine, skipped = _films_to_mine(selection, table, list(paths), labels)
    if held.all():
        raise TableError("No film is left to train on: all are held out. Lower validation_share.")
    return TrainingFilms(source, films, held, mine & ~held, table.digest, table.skipped + skipped)


def hold_out(patients: tuple[str, ...], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Say of each film whether its patient is held out, (N,) bool.

    A patient's fate depends on seed and identifier alone, not on who else is in the table.
    """
    return np.array([_fraction(f"{seed}:{patient}") < share for patient in patients], dtype=bool)


def _used_rows(table: LabelTable, selection: Selection, data: DataSettings) -> LabelTable:
    if selection.split_column is None:
        if selection.splits or data.validation_splits:
            raise TableError("A split needs the column it stands in: give --split-column.")
        return table
    values = selection.splits + data.validation_splits if selection.splits else ()
    return table.select(selection.split_column, values) if values else table


def _films_to_mine(
    selection: Selection, table: LabelTable, stems: list[str], labels: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """Return (N,) which films are mined, and skipped lines of a box table."""
    mine = selection.mine
    if mine is None:
        return np.asarray(labels.any(axis=1), dtype=bool), ()
    if any(mine in row.columns for row in table.rows.values()):
        no = {"", "0", "no", "false"}
        return np.array([table.rows[stem].columns.get(mine, "").lower() not in no for stem in stems], dtype=bool), ()
    boxes = read_box_table(mine, selection.lenient)
    boxed = {box.stem for box in boxes.boxes}
    listed = np.array([stem in boxed for stem in stems])
    if not listed.any():
        raise TableError(f"None of the films is in the box table {mine}, so that there is nothing to mine.")
    return listed, boxes.skipped


def _fraction(text: str) -> float:
    """Return a number in [0, 1) that only the text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
