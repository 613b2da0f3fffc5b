"""An archive of phantoms on disk: films, label table and box table, repeatable byte for byte from a seed."""

import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from harvest.errors import SettingsError
from harvest.phantom.dicom import write_dicom
from harvest.phantom.films import PhantomBox, PhantomFilm
from harvest.phantom.patients import find_visit, random_stream
from harvest.phantom.render import DEFAULT_LONG_SIDE, render_film
from harvest.phantom.tables import LabelCells, join_labels, write_box_table, write_label_table

ImageFormat = Literal["png", "dicom", "mixed"]
Progress = Callable[[int], None]
"""Called with the number of films written so far."""
DICOM_SHARE = 0.5
"""Of films in a mixed archive."""
_PNG_OPTIONS: dict[str, Any] = {"compress_level": 1, "compress_type": zlib.Z_HUFFMAN_ONLY}
"""Noise does not repeat: to look for what does costs time and bytes."""
_CHUNK = 8
_ONE_PROCESS = 24
"""Films below which starting processes takes longer than drawing."""


@dataclass(frozen=True)
class PhantomRange:
    """Which films of an endless sequence to draw, and how; equal values give equal bytes.

    Attributes:
        count: films.
        image_format: PNG in one folder, DICOM in a folder per patient, or both kinds mixed (each film once).
        seed: of the sequence.
        start: first film of the sequence; disjoint ranges hold different films.
        long_side: pixels.
    """

    count: int
    image_format: ImageFormat = "png"
    seed: int = 0
    start: int = 0
    long_side: int = DEFAULT_LONG_SIDE


@dataclass(frozen=True)
class PhantomArchive:
    """What was written.

    Attributes:
        directory: holds ``images/``, ``labels.csv`` and ``boxes.csv``.
        films, patients, boxes, dicom_films: how many of each.
        films_per_finding: films with each finding that occurs.
    """

    directory: Path
    films: int
    patients: int
    boxes: int
    dicom_films: int
    films_per_finding: dict[str, int]

    @property
    def images(self) -> Path:
        """Folder of the films."""
        return self.directory / "images"

    @property
    def labels(self) -> Path:
        """The label table."""
        return self.directory / "labels.csv"

    @property
    def boxes_table(self) -> Path:
        """The box table."""
        return self.directory / "boxes.csv"


@dataclass(frozen=True)
class _Job:
    """One film to draw and write; travels to a worker."""

    images: Path
    films: PhantomRange
    index: int


@dataclass(frozen=True)
class _Entry:
    """What the tables say of a written film."""

    name: str
    label_row: LabelCells
    labels: tuple[str, ...]
    boxes: tuple[PhantomBox, ...]
    patient_id: int
    is_dicom: bool


def write_archive(
    directory: Path, films: PhantomRange, workers: int | None = None, on_film: Progress | None = None
) -> PhantomArchive:
    """Write a range of phantom films with their tables.

    Args:
        directory: made where missing; must hold no ``images`` yet.
        films: which.
        workers: processes; None for one per processor. The bytes written do not depend on it.
        on_film: called after each film.

    Raises:
        SettingsError: an argument is out of range, or the directory is in use.
    """
    _check(directory, films)
    images = directory / "images"
    images.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(images, films, index) for index in range(films.start, films.start + films.count)]
    entries: list[_Entry] = []
    with _mapper(workers, films.count) as mapper:
        for entry in mapper(jobs):
            entries.append(entry)
            if on_film:
                on_film(len(entries))
    write_label_table(directory / "labels.csv", (entry.label_row for entry in entries))
    write_box_table(directory / "boxes.csv", ((entry.name, entry.boxes) for entry in entries))
    return _summarise(directory, entries)


def write_png(path: Path, film: PhantomFilm) -> None:
    """Write a film as PNG of 8 bits."""
    Image.fromarray(film.pixels).save(path, **_PNG_OPTIONS)


def _check(directory: Path, films: PhantomRange) -> None:
    if films.count < 1:
        raise SettingsError(f"A phantom archive needs at least one film, not {films.count}.")
    if films.image_format not in ("png", "dicom", "mixed"):
        raise SettingsError(f"Unknown image format {films.image_format!r}; use png, dicom or mixed.")
    images = directory / "images"
    if images.exists() and any(images.iterdir()):
        raise SettingsError(f"{images} already holds films; give an empty directory.")


@contextmanager
def _mapper(workers: int | None, count: int) -> Iterator[Callable[[list[_Job]], Iterator[_Entry]]]:
    """Give a function that writes jobs and yields their entries in order, in this process or in several."""
    workers = min(workers or len(os.sched_getaffinity(0)), count)
    if workers < 2 or count < _ONE_PROCESS:
        yield lambda jobs: map(_write_film, jobs)
        return
    # Spawned, not forked: the parent may hold threads (torch, a progress bar).
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield lambda jobs: pool.map(_write_film, jobs, chunksize=_CHUNK)


def _write_film(job: _Job) -> _Entry:
    seed, kind = job.films.seed, job.films.image_format
    film = render_film(seed, job.index, job.films.long_side)
    visit = find_visit(seed, job.index)
    is_dicom = kind == "dicom" or (kind == "mixed" and random_stream(seed, "kind", job.index).random() < DICOM_SHARE)
    if is_dicom:
        folder = job.images / f"patient{film.patient_id:08d}"
        folder.mkdir(exist_ok=True)
        write_dicom(folder / f"{film.name}.dcm", film, seed)
    else:
        write_png(job.images / f"{film.name}.png", film)
    png_name = f"{film.name}.png"
    return _Entry(png_name, _label_row(film, visit.split), film.labels, film.boxes, film.patient_id, is_dicom)


def _label_row(film: PhantomFilm, split: str) -> LabelCells:
    rows, columns = film.pixels.shape
    person = (film.follow_up, film.patient_id, film.age, film.sex, film.view_position)
    spacing = film.pixel_spacing
    return (f"{film.name}.png", join_labels(film.labels), *person, columns, rows, spacing, spacing, split)


def _summarise(directory: Path, entries: list[_Entry]) -> PhantomArchive:
    per_finding: dict[str, int] = {}
    for entry in entries:
        for finding in entry.labels:
            per_finding[finding] = per_finding.get(finding, 0) + 1
    return PhantomArchive(
        directory,
        films=len(entries),
        patients=len({entry.patient_id for entry in entries}),
        boxes=sum(len(entry.boxes) for entry in entries),
        dicom_films=sum(entry.is_dicom for entry in entries),
        films_per_finding=per_finding,
    )
