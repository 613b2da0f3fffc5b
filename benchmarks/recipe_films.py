"""The films of ``recipes.py``: pixels, labels, folds without a patient in two, and the arithmetic of the evaluation."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from variants import RULES, harvest_boxes

from harvest.annotations import AnnotatedBox, read_box_table, read_label_table
from harvest.asymmetry import asymmetry_sign, asymmetry_weights, film_asymmetry
from harvest.evaluation.cases import build_cases
from harvest.evaluation.protocols import tally
from harvest.evaluation.records import EvaluationSet
from harvest.geometry import Placement
from harvest.places import learn_place, weigh
from harvest.thresholds import MapCase, ThresholdSearch, choose_thresholds
from models.findings import FINDINGS
from models.spec import BoxSpec

FOLDS = 3
FRAME = 1024
"""Width and height of the frame of the box table."""
PLACE_WEIGHT, ASYMMETRY_WEIGHT = 0.6, 0.2
BOXES = BoxSpec(merge="raw", rank_by="listed")
Maps = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BoxedFilms:
    """N films of the splits train and dev.

    Attributes:
        stems, patients: N.
        pixels: (N, H, W) uint8, square.
        labels: (N, C) float32.
        fold: (N,) 0 to FOLDS - 1, -1 for those of dev.
        boxes: of radiologists, on these films.
    """

    stems: list[str]
    patients: list[str]
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.float32]
    fold: npt.NDArray[np.int64]
    boxes: tuple[AnnotatedBox, ...]

    def sized(self, hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Return the films at (H, W), as a harvest resizes them."""
        stored = self.pixels.shape[1:]
        return np.stack([Placement(stored[0], stored[1], hw).to_input(film) for film in self.pixels])

    def score(self, readings: Sequence[Maps]) -> dict[str, float]:
        """Return mean Acc under each rule.

        Args:
            readings: of each fold, the maps (N, C, h, w) of the network that did not learn from it.
        """
        tune, scored = list[MapCase](), list[MapCase]()
        for fold, maps in enumerate(readings):
            tune += self._cases(maps, fold, -1)
            scored += self._cases(maps, fold, fold)
        search = ThresholdSearch(shrinkage=FOLDS * ThresholdSearch().shrinkage)  # dev's boxes count once per fold
        choices = choose_thresholds(tune, FINDINGS, BOXES, search)
        harvested = harvest_boxes(scored, choices, BOXES)
        stems = {one.stem for one in scored}
        annotated = [box for box in self.boxes if box.stem in stems]
        found = build_cases(EvaluationSet(dict(zip(self.stems, self.patients, strict=True)), annotated, harvested))
        return {
            f"{rule.protocol} {rule.threshold:g}": float(
                np.mean([tally(case, rule, np.ones((1, len(case.stems)), np.int64)).accuracy[0] for case in found])
            )
            for rule in RULES
        }

    def _cases(self, maps: Maps, fold: int, wanted: int) -> list[MapCase]:
        """Return the weighted maps of the boxed films of the fold ``wanted`` (-1: dev), of a fold's network."""
        row_of = {stem: row for row, stem in enumerate(self.stems)}
        drawn = defaultdict[tuple[str, str], list[tuple[float, ...]]](list)
        for box in self.boxes:
            if self.fold[row_of[box.stem]] == wanted:
                drawn[box.finding, box.stem].append((box.x_min, box.y_min, box.x_max, box.y_max))
        cases = []
        for finding in dict.fromkeys(name for name, _ in drawn):
            stems = [stem for name, stem in drawn if name == finding]
            rows = np.array([row_of[stem] for stem in stems])
            merged = self._weighted(maps, fold, finding, rows)
            cases += [
                MapCase(
                    f"{stem}#{fold}" if wanted < 0 else stem, finding, one, _frame(), np.array(drawn[finding, stem])
                )
                for stem, one in zip(stems, merged, strict=True)
            ]
        return cases

    def _weighted(self, maps: Maps, fold: int, finding: str, rows: npt.NDArray[np.int64]) -> Maps:
        column, sign, every = FINDINGS.index(finding), asymmetry_sign(finding), np.arange(len(rows))
        learned = np.flatnonzero((self.fold >= 0) & (self.fold != fold) & (self.labels[:, column] > 0))
        place = learn_place([(maps[row, column], _frame()) for row in learned])
        layers = [] if place is None else [(every, np.array(place)[None] ** PLACE_WEIGHT)]
        if sign:
            hw = self.pixels.shape[1], self.pixels.shape[2]
            differences = np.stack([film_asymmetry(self.pixels[row], Placement(*hw, hw)) for row in rows])
            layers.append((every, asymmetry_weights(differences, np.full(len(rows), sign), ASYMMETRY_WEIGHT)))
        return weigh(maps[rows, column], layers, [_frame()] * len(rows))


def load_films(data: Path) -> BoxedFilms:
    """Read the splits train and dev; patients of train are dealt to folds by a fixed seed."""
    table = read_label_table(data / "labels.csv")
    split = {name: table.select("split", (name,)).rows for name in ("train", "dev")}
    rows = {**split["train"], **split["dev"]}
    paths = {path.stem: path for path in (data / "images").iterdir()}
    patients = sorted({row.patient_id or stem for stem, row in split["train"].items()})
    dealt = np.random.default_rng(5).permutation(len(patients))
    fold = {patients[patient]: number % FOLDS for number, patient in enumerate(dealt)}
    named = {stem: row.patient_id or stem for stem, row in rows.items()}
    return BoxedFilms(
        stems=list(rows),
        patients=list(named.values()),
        pixels=np.stack([np.asarray(Image.open(paths[stem]).convert("L")) for stem in rows]),
        labels=np.array([[name in row.findings for name in FINDINGS] for row in rows.values()], np.float32),
        fold=np.array([fold[named[stem]] if stem in split["train"] else -1 for stem in rows]),
        boxes=tuple(box for box in read_box_table(data / "boxes.csv").boxes if box.stem in rows),
    )


def _frame() -> Placement:
    return Placement(FRAME, FRAME, (FRAME, FRAME))
