"""Films for training: decoded and placed exactly as in a harvest, from disk or from a cache of decoded pixels."""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from harvest.batches import Film, iter_films, read_films
from harvest.config import LABELED_FILMS
from harvest.errors import TableError
from harvest.records import ArchiveObject, UInt8Image
from harvest.sources import Source
from models.augmentation import Augmentation

logger = logging.getLogger(__name__)
Key = tuple[int, int | None]
"""Index of a film, and the seed of its random changes; None: unchanged."""


@dataclass(frozen=True, slots=True)
class FilmList:
    """Films in the order of the label table.

    Attributes:
        objects: N files.
        labels: (N, C) bool, asserted findings.
        patients: N patient identifiers.
    """

    objects: tuple[ArchiveObject, ...]
    labels: npt.NDArray[np.bool_]
    patients: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.objects)

    def subset(self, wanted: npt.NDArray[np.bool_]) -> "FilmList":
        """Return the films where ``wanted`` (N,) is true."""
        picked = np.flatnonzero(wanted)
        return FilmList(
            tuple(self.objects[index] for index in picked),
            self.labels[picked],
            tuple(self.patients[index] for index in picked),
        )

    def digest(self) -> str:
        """Return 64 hex digits over files (name, size), labels and patients."""
        text = "\n".join(
            f"{one.path}\t{one.size}\t{row.tobytes().hex()}\t{patient}"
            for one, row, patient in zip(self.objects, self.labels, self.patients, strict=True)
        )
        return hashlib.sha256(text.encode()).hexdigest()


class PixelCache:
    """Decoded films in one file.

    Attributes:
        pixels: (M, H, W) uint8, mapped from the file.
        rows: of each readable file, by path, its place in ``pixels``.
    """

    def __init__(self, pixels: npt.NDArray[np.uint8], rows: dict[str, int]) -> None:
        self.pixels, self.rows = pixels, rows

    def read(self, path: str) -> UInt8Image:
        """Return a copy of one film, (H, W)."""
        return np.array(self.pixels[self.rows[path]])


class FilmSet(Dataset[tuple[Tensor, Tensor]]):
    """Films by key: uint8 (H, W) and labels float32 (C,).

    Args:
        source: of the files.
        films: which.
        input_hw: of the network.
        augmentation: applied where the key has a seed.
        cache: holds all of them; None: files are read each time.
    """

    def __init__(
        self,
        source: Source,
        films: FilmList,
        input_hw: tuple[int, int],
        augmentation: Augmentation | None = None,
        cache: PixelCache | None = None,
    ) -> None:
        self.source, self.films, self.input_hw = source, films, input_hw
        self.augmentation, self.cache = augmentation, cache
        self._labels = torch.from_numpy(films.labels.astype(np.float32))

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor]:
        """Return one film; in the place of one that cannot be read the next that can, with a warning."""
        index, seed = key
        for offset in range(len(self)):
            place = (index + offset) % len(self)
            pixels = self._read(self.films.objects[place])
            if pixels is not None:
                film = torch.from_numpy(pixels)
                changed = film if seed is None or self.augmentation is None else self.augmentation(film, seed)
                return changed, self._labels[place]
        raise TableError("None of the films can be read; see the warnings above.")

    def _read(self, one: ArchiveObject) -> UInt8Image | None:
        if self.cache is not None:
            return self.cache.read(one.path)
        film = read_films(self.source, one, LABELED_FILMS, self.input_hw)[0]
        _warn_of(film)
        return film.input


def decode_to_cache(
    source: Source, films: FilmList, input_hw: tuple[int, int], directory: Path, workers: int
) -> PixelCache:
    """Decode all films once, into a file that later trainings of the same films use again.

    Of an object of several frames the first is taken; what cannot be read is left out, with a warning.
    """
    stem = _cache_name(source, films.objects, input_hw)
    files = directory / f"{stem}.pixels.npy", directory / f"{stem}.rows.json"
    if not files[1].exists():
        directory.mkdir(parents=True, exist_ok=True)
        _fill(source, films, input_hw, files, workers)
    return PixelCache(np.load(files[0], mmap_mode="r"), json.loads(files[1].read_text(encoding="utf-8")))


def _fill(source: Source, films: FilmList, input_hw: tuple[int, int], files: tuple[Path, Path], workers: int) -> None:
    partial = files[0].with_name(f".{os.getpid()}.partial")
    pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(films), *input_hw))
    rows: dict[str, int] = {}
    for film in iter_films(source, films.objects, LABELED_FILMS, input_hw, workers):
        _warn_of(film)
        if film.input is not None and film.source.path not in rows:
            rows[film.source.path] = len(rows)
            pixels[rows[film.source.path]] = film.input
    pixels.flush()
    partial.replace(files[0])
    partial.write_text(json.dumps(rows), encoding="utf-8")
    partial.replace(files[1])


def _warn_of(film: Film) -> None:
    if film.rejection is not None:
        logger.warning("%s cannot be used: %s", film.source.path, film.rejection.message)


def _cache_name(source: Source, objects: Sequence[ArchiveObject], input_hw: tuple[int, int]) -> str:
    digest = hashlib.sha256(f"{source.name} {input_hw}".encode())
    for one in objects:
        digest.update(f"{one.path} {one.size} {one.mtime_ns}\n".encode())
    return f"films-{digest.hexdigest()[:16]}"
