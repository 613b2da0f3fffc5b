"""Do films decoded at a lower resolution get the same boxes? ``python benchmarks/reduced.py --model demo``.

Phantoms of 2048 pixels are stored as JPEG 2000 (lossless and lossy) and JPEG, and localized whole and reduced: share of
the whole film's boxes that a box of the reduced one meets with IoU >= .95, and Acc of both against the phantoms' boxes.
For comparison the whole film with some pixels of the network's input one grey level off: as much as rounding does.
"""

import argparse
from dataclasses import dataclass, field, replace

import numpy as np

from harvest.batches import Film, read_films
from harvest.config import DecodeConfig, EngineConfig, GateConfig, HarvestConfig
from harvest.evaluation.overlap import iou
from harvest.localization import FindingResult, Localizer
from harvest.phantom.encodings import encodings
from harvest.phantom.films import PhantomFilm
from harvest.phantom.mutants import MemoryArchive
from harvest.phantom.render import render_film
from harvest.predict import Predictor
from models.bundle import load_bundle

ENCODINGS = ("JPEG2000Lossless", "JPEG2000", "JPEGBaseline8Bit")
THRESHOLDS = (0.1, 0.3, 0.5)
OFF = 0.06
"""Share of the input's pixels that are moved by one grey level for comparison."""


def decode(film: PhantomFilm, encoded: bytes, hw: tuple[int, int], reduced: bool) -> Film:
    archive = MemoryArchive({film.name: encoded})
    (one,) = archive.iter_objects()
    labeled = replace(one, labels="|".join(film.labels))
    (decoded,) = read_films(archive, labeled, DecodeConfig(reduced=reduced), hw)
    return decoded


def rounded_otherwise(film: Film) -> Film:
    """Move some pixels of the input by one grey level."""
    assert film.input is not None
    random = np.random.default_rng(0)
    moved = film.input + (random.random(film.input.shape) < OFF) * random.choice([-1, 1], film.input.shape)
    return replace(film, input=moved.clip(0, 255).astype(np.uint8))


def localize(film: Film, localizer: Localizer) -> list[FindingResult]:
    (results,) = localizer.localize([film])
    assert results is not None
    return results


def difference(whole: Film, small: Film) -> float:
    assert whole.input is not None and small.input is not None
    return float(np.abs(whole.input.astype(int) - small.input).mean())


def kept_ious(whole: list[FindingResult], small: list[FindingResult]) -> list[float]:
    """For each box of the whole film its best IoU with a box of the same finding of the reduced one."""
    found = []
    for one, other in zip(whole, small, strict=True):
        boxes = np.array([box.box for box in other.boxes]).reshape(-1, 4)
        found += [float(iou(boxes, np.array(box.box)).max(initial=0.0)) for box in one.boxes]
    return found


def hits(film: PhantomFilm, results: list[FindingResult]) -> list[list[bool]]:
    """For each box of the phantom: whether a harvested one of its finding overlaps enough, by threshold."""
    boxes = {result.finding: np.array([box.box for box in result.boxes]) for result in results}
    told = []
    for true in film.boxes:
        drawn = np.array([true.x, true.y, true.x + true.width, true.y + true.height])
        harvested = boxes[true.finding]
        best = float(iou(harvested, drawn).max()) if len(harvested) else 0.0
        told.append([best > threshold for threshold in THRESHOLDS])
    return told


@dataclass
class Compared:
    """Of one encoding: kept IoUs reduced and rounded otherwise, hits whole and reduced, differences, factors."""

    ious: list[float] = field(default_factory=list)
    rounded: list[float] = field(default_factory=list)
    whole_hits: list[list[bool]] = field(default_factory=list)
    reduced_hits: list[list[bool]] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)
    factors: set[object] = field(default_factory=set)

    def add(self, film: PhantomFilm, encoded: bytes, localizer: Localizer) -> None:
        """Decode and localize one film both ways."""
        hw = localizer.predictor.spec.network.input_hw
        whole, small = (decode(film, encoded, hw, reduced) for reduced in (False, True))
        self.factors.add(dict(small.recipe)["reduction"])
        self.differences.append(difference(whole, small))
        found = localize(whole, localizer)
        found_small = localize(small, localizer)
        self.ious += kept_ious(found, found_small)
        self.rounded += kept_ious(found, localize(rounded_otherwise(whole), localizer))
        self.whole_hits += hits(film, found)
        self.reduced_hits += hits(film, found_small)

    def line(self, encoding: str) -> str:
        """Return a row of the table."""
        kept, rounded = (np.mean(np.array(side) >= 0.95) for side in (self.ious, self.rounded))
        accuracies = [
            " / ".join(f"{one:.3f}" for one in np.mean(side, axis=0)) for side in (self.whole_hits, self.reduced_hits)
        ]
        cells = (
            encoding, " ".join(f"1/{factor}" for factor in sorted(map(int, map(str, self.factors)))),
            str(len(self.ious)), f"{np.mean(self.differences):.2f}", f"{kept:.0%}",
            f"{np.quantile(self.ious, 0.01):.2f}", f"{rounded:.0%}", *accuracies,
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--count", type=int, default=40)
    given = parser.parse_args()
    config = HarvestConfig(gate=GateConfig(mode="both"), engine=EngineConfig(batch_size=1, precision="fp32"))
    localizer = Localizer(Predictor(load_bundle(given.model), config.engine), config)
    compared = {encoding: Compared() for encoding in ENCODINGS}
    films = [film for index in range(given.count) if (film := render_film(11, index, 2048)).labels]
    for film in films:
        for encoding, one in compared.items():
            one.add(film, encodings(8)[encoding](film.pixels), localizer)
    hw = localizer.predictor.spec.network.input_hw
    print(f"{len(films)} phantoms of 2048 pixels with findings; the network sees {hw[0]} x {hw[1]}.\n")
    heads = ("stored as", "decoded at", "boxes", "mean difference", "IoU >= .95", "lowest 1 %", "rounding alone")
    print(f"| {' | '.join((*heads, 'Acc whole', 'Acc reduced'))} |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |")
    for encoding, one in compared.items():
        print(one.line(encoding))


if __name__ == "__main__":
    main()
