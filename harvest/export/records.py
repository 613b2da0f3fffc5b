"""What every export is made of: the films and boxes of a lake's current settings, and whose boxes they are."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydicom.dataset import Dataset

from harvest.errors import LakeError
from harvest.store import query

_RUN = """SELECT * EXCLUDE (finished_at), finished_at::VARCHAR AS finished_at FROM runs
WHERE status = 'complete' ORDER BY runs.finished_at DESC, run_id DESC LIMIT 1"""
_FILMS = "SELECT * FROM current_instances WHERE state != 'rejected' ORDER BY source_uri, frame, instance_key"
_BOXES = """SELECT boxes.* FROM current_boxes AS boxes INNER JOIN findings ON boxes.finding = findings.finding
WHERE rank <= $max_rank ORDER BY instance_key, findings.ordinal, rank"""


@dataclass(frozen=True, slots=True)
class ExportedFilm:
    """A film that has a prediction, as its row of ``instances`` says; ``boxes`` in project order, then by rank.

    Attributes:
        header: of the film as its archive has it, where that was asked.
    """

    row: dict[str, Any]
    boxes: tuple[dict[str, Any], ...]
    named: bool
    header: Dataset | None = None

    @property
    def key(self) -> str:
        """Instance key."""
        return str(self.row["instance_key"])

    @property
    def hw(self) -> tuple[int, int]:
        """Rows and columns of the stored image."""
        return self.row["rows"], self.row["columns"]

    @property
    def file_name(self) -> str:
        """Path in the archive where the lake keeps identifiers, else the instance key."""
        if not self.named:
            return self.key
        path = str(PurePosixPath(*PurePosixPath(self.row["source_uri"]).parts[1:]))
        return path if self.row["frame"] == 1 else f"{path}#{self.row['frame']}"

    @property
    def stem(self) -> str:
        """File name without folder and suffix; the instance key where names are not kept."""
        return PurePosixPath(self.file_name).stem if self.named else self.key


@dataclass(frozen=True)
class Export:
    """What is exported.

    Attributes:
        run: row of ``runs`` of the current settings.
        films: all that have a prediction, with and without boxes.
        named: whether names and UIDs are the archive's own (``--identifiers keep``), not pseudonyms.
        uid_words: what else new UIDs follow from.
    """

    lake: Path
    run: dict[str, Any]
    films: tuple[ExportedFilm, ...]
    named: bool
    uid_words: tuple[str, ...] = ()

    @property
    def algorithm(self) -> str:
        """Name of the model and the first digits of its digest."""
        return f"iam-harvest, model {self.run['bundle']} {self.run['model_digest'][:12]}"

    def iter_boxes(self) -> Iterator[tuple[ExportedFilm, dict[str, Any]]]:
        """Yield every box with its film."""
        for film in self.films:
            for box in film.boxes:
                yield film, box

    def by_stem(self) -> dict[str, ExportedFilm]:
        """Return the films by stem.

        Raises:
            LakeError: two films have the same, so that one file would replace the other's.
        """
        found: dict[str, ExportedFilm] = {}
        for film in self.films:
            if film.stem in found:
                raise LakeError(f"Two films of the lake are named {film.stem}; this format needs distinct names.")
            found[film.stem] = film
        return found

    def uid(self, *words: str) -> str:
        """Return a UID that follows from words and settings: the same export has the same UIDs."""
        text = "\0".join((self.run["config_fingerprint"], self.run["model_digest"], *self.uid_words, *words))
        return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], 'big')}"


def read_export(lake: Path, max_rank: int) -> Export:
    """Read films and boxes of a lake, of each film and finding the first ``max_rank`` boxes.

    Raises:
        LakeError: there is no lake, or no run of it is complete.
    """
    runs = query(lake, _RUN).to_pylist()
    if not runs:
        raise LakeError(f"No run of the lake {lake} is complete, so there is nothing to export.")
    boxes = defaultdict(list)
    for box in query(lake, _BOXES, {"max_rank": max_rank}).to_pylist():
        boxes[box["instance_key"]].append(box)
    named = json.loads(runs[0]["config"])["identifiers"] == "keep"
    rows = query(lake, _FILMS).to_pylist()
    films = tuple(ExportedFilm(row, tuple(boxes[row["instance_key"]]), named) for row in rows)
    return Export(lake, runs[0], films, named)
