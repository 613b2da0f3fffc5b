"""The films that the pixel gate is trained and measured on, all at one size: NIH, phantoms, DICOM files."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from not_chests import SIDE, Grey
from PIL import Image

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.decode.thumbnail import SIDE as THUMBNAIL
from harvest.phantom.render import render_film

EVERYTHING = DecodeConfig(
    include=("wrong_modality", "wrong_body_part", "wrong_view", "not_a_chest_film", "not_chest_by_pixels")
)


@dataclass(frozen=True)
class Films:
    """Films, all (128, 128): NIH by split and stem, phantoms by seed, DICOM by folder and name."""

    nih: dict[str, dict[str, Grey]]
    phantoms: dict[int, list[Grey]]
    dicom: dict[str, Grey]


def smaller(pixels: Grey) -> Grey:
    """As :func:`harvest.decode.thumbnail.make_thumbnail`, at four times the side."""
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=1.0))


def nih_films(images: Path, labels: Path) -> dict[str, dict[str, Grey]]:
    """Films by split and stem."""
    films: dict[str, dict[str, Grey]] = {}
    with labels.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = images / Path(row["Image Index"]).with_suffix(".jpg")
            if path.is_file():
                with Image.open(path) as image:
                    films.setdefault(row["split"], {})[path.stem] = smaller(np.asarray(image.convert("L")))
    return films


def phantoms(seed: int, count: int) -> list[Grey]:
    return [smaller(render_film(seed, index, 256).pixels) for index in range(count)]


def dicom_films(folder: Path) -> dict[str, Grey]:
    """First frame of every file of the manifest that decodes, the header's verdict overruled, by folder and name."""
    films = {}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            data = (folder / row["folder"] / row["file"]).read_bytes()
            image = next(iter_decode(data, EVERYTHING)).image
            if image is not None:
                films[f"{row['folder']}/{row['file']}"] = smaller(image.pixels)
    return films


def thumbnail(pixels: Grey) -> np.ndarray:
    """As :func:`harvest.decode.thumbnail.make_thumbnail` makes it of the whole film: means of squares."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).reduce(SIDE // THUMBNAIL), np.float64)
