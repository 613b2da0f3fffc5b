"""Phantoms: repeatable, with boxes that tell the truth, as PNG and as DICOM."""

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from harvest.annotations import read_box_table, read_label_table
from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import SettingsError
from harvest.phantom import PhantomBox, PhantomFilm, PhantomRange, render, render_film, write_archive
from harvest.phantom.dicom import SYNTAXES, write_dicom
from harvest.phantom.patients import find_visit
from models.findings import BOXED_FINDINGS, in_order

LONG_SIDE = 256
MEDIANS = {
    "Atelectasis": (171, 118),
    "Cardiomegaly": (478, 382),
    "Effusion": (208, 277),
    "Infiltration": (228, 265),
    "Mass": (120, 141),
    "Nodule": (70, 68),
    "Pneumonia": (229, 275),
    "Pneumothorax": (201, 206),
}
"""Width and height of the radiologists' boxes at 1024 pixels, ChestX-ray14."""


@pytest.fixture(scope="module")
def films() -> list[PhantomFilm]:
    """The first films of a sequence."""
    return [render_film(5, index, LONG_SIDE) for index in range(220)]


def _files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_archive_bytes_do_not_depend_on_workers(tmp_path: Path) -> None:
    """One process and two write the same bytes; every film is reported."""
    reported: list[int] = []
    films = PhantomRange(26, "mixed", 3, start=4, long_side=LONG_SIDE)
    write_archive(tmp_path / "one", films, workers=1, on_film=reported.append)
    write_archive(tmp_path / "two", films, workers=2)
    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    assert reported == list(range(1, 27))


def test_film_stands_alone(films: list[PhantomFilm]) -> None:
    """A film is the same without its predecessors; another seed gives another."""
    alone = render_film(5, 37, LONG_SIDE)
    assert np.array_equal(alone.pixels, films[37].pixels)
    assert alone.boxes == films[37].boxes
    assert not np.array_equal(render_film(6, 37, LONG_SIDE).pixels, alone.pixels)


def test_ranges_are_disjoint_parts_of_one_sequence(tmp_path: Path) -> None:
    """Two ranges written apart are the range written at once."""
    write_archive(tmp_path / "all", PhantomRange(6, seed=1, long_side=LONG_SIDE))
    write_archive(tmp_path / "late", PhantomRange(3, seed=1, start=3, long_side=LONG_SIDE))
    late, whole = _files(tmp_path / "late" / "images"), _files(tmp_path / "all" / "images")
    assert len(late) == 3
    assert late.items() <= whole.items()


@pytest.mark.parametrize("syntax", list(SYNTAXES))
def test_dicom_shows_the_same_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str) -> None:
    """Decoding gives the master back within rounding, whatever the bits and the polarity."""
    monkeypatch.setattr("harvest.phantom.dicom.SYNTAXES", {syntax: 1.0})
    kinds: set[tuple[int, str]] = set()
    for index in range(6):
        film = render_film(9, index, LONG_SIDE)
        path = tmp_path / f"{film.name}.dcm"
        write_dicom(path, film, 9)
        (outcome,) = iter_decode(path.read_bytes(), DecodeConfig())
        assert outcome.image is not None, outcome.rejection
        assert np.abs(outcome.image.pixels.astype(int) - film.pixels).max() <= 2
        header = pydicom.dcmread(path)
        assert header.file_meta.TransferSyntaxUID == syntax
        assert header.ViewPosition == film.view_position
        assert [float(value) for value in header.PixelSpacing] == pytest.approx([film.pixel_spacing] * 2)
        kinds.add((header.BitsStored, header.PhotometricInterpretation))
    assert len({bits for bits, _ in kinds}) > 1
    assert {polarity for _, polarity in kinds} == {"MONOCHROME1", "MONOCHROME2"}


def test_png_is_the_master(tmp_path: Path) -> None:
    """The written PNG holds the film's pixels and decodes to them."""
    write_archive(tmp_path, PhantomRange(2, seed=2, long_side=LONG_SIDE))
    for index in range(2):
        film = render_film(2, index, LONG_SIDE)
        data = (tmp_path / "images" / f"{film.name}.png").read_bytes()
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), film.pixels)
        (outcome,) = iter_decode(data, DecodeConfig())
        assert outcome.image is not None
        assert np.array_equal(outcome.image.pixels, film.pixels)


def test_boxes_lie_inside_and_name_the_labels(films: list[PhantomFilm]) -> None:
    """No box leaves its film, and labels are exactly the boxed findings in project order."""
    for film in films:
        rows, columns = film.pixels.shape
        for box in film.boxes:
            assert min(box.x, box.y) >= 0
            assert min(box.width, box.height) > 0
            assert box.x + box.width <= columns
            assert box.y + box.height <= rows
        assert film.labels == in_order(box.finding for box in film.boxes)


@pytest.mark.parametrize("finding", BOXED_FINDINGS)
def test_film_differs_from_the_healthy_one_inside_the_box(monkeypatch: pytest.MonkeyPatch, finding: str) -> None:
    """Drawn without its only finding, the film changes where the box is and nearly nowhere else."""
    shares = []
    for index in _films_of(finding, 5):
        film = render_film(5, index, LONG_SIDE)
        healthy = replace(find_visit(5, index), findings=())
        with monkeypatch.context() as patch:
            patch.setattr(render, "find_visit", lambda *_, visit=healthy: visit)
            plain = render_film(5, index, LONG_SIDE)
        assert plain.labels == ()
        difference = film.pixels.astype(float) - plain.pixels
        changed = np.abs(difference - np.median(difference)) > 12
        inside = np.zeros(changed.shape, bool)
        for box in film.boxes:
            inside[_cells(box)] = True
        assert changed[inside].mean() > 3 * changed[~inside].mean()
        shares.append(changed[inside].sum() / changed.sum())
    assert np.median(shares) > 0.8


def _films_of(finding: str, count: int) -> list[int]:
    return [index for index in range(3000) if find_visit(5, index).findings == (finding,)][:count]


def _cells(box: PhantomBox) -> tuple[slice, slice]:
    return slice(int(box.y), int(box.y + box.height)), slice(int(box.x), int(box.x + box.width))


def test_sizes_follow_the_radiologists_boxes(films: list[PhantomFilm]) -> None:
    """Median width and height of each finding are near those of the real boxes."""
    scale = 1024 / LONG_SIDE
    for finding, expected in MEDIANS.items():
        sizes = [(box.width, box.height) for film in films for box in film.boxes if box.finding == finding]
        assert len(sizes) >= 8
        ratio = np.median(sizes, axis=0) * scale / expected
        assert np.all((ratio > 0.65) & (ratio < 1.4)), (finding, ratio)


def test_findings_per_film_and_layouts(films: list[PhantomFilm]) -> None:
    """About a third is healthy, at most four findings; both views, portrait and landscape, several spacings."""
    counts = Counter(len(film.labels) for film in films)
    assert max(counts) <= 4
    assert 0.22 < counts[0] / len(films) < 0.45
    assert {film.view_position for film in films} == {"PA", "AP"}
    assert {np.sign(film.pixels.shape[0] - film.pixels.shape[1]) for film in films} == {-1, 0, 1}
    assert len({film.pixel_spacing for film in films}) >= 3
    assert all(max(film.pixels.shape) == LONG_SIDE for film in films)


def test_tables_are_in_the_nih_dialect(tmp_path: Path) -> None:
    """Headers as published; boxes in pixels of the written film; the project's own readers agree."""
    archive = write_archive(tmp_path, PhantomRange(20, "mixed", seed=8, long_side=LONG_SIDE))
    films = [render_film(8, index, LONG_SIDE) for index in range(20)]
    with archive.labels.open(newline="", encoding="utf-8") as file:
        names = next(csv.reader(file))
    official = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    assert ",".join(names) == official + "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],split"
    assert archive.boxes_table.read_text().splitlines()[0] == "Image Index,Finding Label,Bbox [x,y,w,h]"
    labels = read_label_table(archive.labels)
    assert {name: row.findings for name, row in labels.rows.items()} == {film.name: film.labels for film in films}
    boxes = [(box.finding, box.x, box.y, box.width, box.height) for film in films for box in film.boxes]
    with archive.boxes_table.open(newline="", encoding="utf-8") as file:
        written = list(csv.reader(file))[1:]
    assert [tuple(map(float, row[2:])) for row in written] == [box[1:] for box in boxes]
    assert len(read_box_table(archive.boxes_table).boxes) == len(boxes)


def test_split_is_by_patient() -> None:
    """All films of a patient are in one split, of 70, 10 and 20 per cent; patients have one to several films."""
    visits = [find_visit(0, index) for index in range(3000)]
    split = {visit.patient_id: visit.split for visit in visits}
    assert all(split[visit.patient_id] == visit.split for visit in visits)
    shares = Counter(split.values())
    assert [shares[name] / len(split) for name in ("train", "val", "test")] == pytest.approx([0.7, 0.1, 0.2], abs=0.03)
    films = Counter(Counter(visit.patient_id for visit in visits).values())
    assert films[1] > 0
    assert films[2] > 0


def test_wrong_arguments_say_what_to_do(tmp_path: Path) -> None:
    """No film, a used directory, an odd size."""
    with pytest.raises(SettingsError, match="at least one"):
        write_archive(tmp_path, PhantomRange(0))
    write_archive(tmp_path, PhantomRange(1, long_side=LONG_SIDE))
    with pytest.raises(SettingsError, match="empty directory"):
        write_archive(tmp_path, PhantomRange(1))
    with pytest.raises(SettingsError, match="256"):
        render_film(0, 0, 100)
