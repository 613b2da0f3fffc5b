"""Do films decoded at a lower resolution get the same boxes? ``python benchmarks/reduced.py --model demo``.

Phantoms of 2048 pixels are stored as JPEG 2000 (lossless and lossy) and JPEG, and localized whole and reduced: share of
the whole film's boxes that a box of the reduced one meets with IoU >= .95, and Acc of both against the phantoms' boxes.
"""

import argparse

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


def localize(film: PhantomFilm, encoding: str, localizer: Localizer, reduced: bool) -> list[FindingResult]:
    archive = MemoryArchive({film.name: encodings(8)[encoding](film.pixels)})
    (one,) = archive.iter_objects()
    labeled = type(one)(one.path, one.size, one.mtime_ns, "|".join(film.labels))
    hw = localizer.predictor.spec.network.input_hw
    films: list[Film] = read_films(archive, labeled, DecodeConfig(reduced=reduced), hw)
    (results,) = localizer.localize(films)
    assert results is not None
    return results


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--count", type=int, default=40)
    given = parser.parse_args()
    config = HarvestConfig(gate=GateConfig(mode="both"), engine=EngineConfig(batch_size=1))
    localizer = Localizer(Predictor(load_bundle(given.model), config.engine), config)
    films = [film for index in range(given.count) if (film := render_film(11, index, 2048)).labels]
    print("| stored as | films | boxes | IoU >= .95 | lowest 1 % | Acc whole | Acc reduced |")
    print("| --- | ---: | ---: | ---: | ---: | --- | --- |")
    for encoding in ENCODINGS:
        ious: list[float] = []
        told: tuple[list[list[bool]], list[list[bool]]] = ([], [])
        for film in films:
            whole, small = (localize(film, encoding, localizer, reduced) for reduced in (False, True))
            ious += kept_ious(whole, small)
            told[0].extend(hits(film, whole))
            told[1].extend(hits(film, small))
        accuracies = [" / ".join(f"{one:.3f}" for one in np.mean(side, axis=0)) for side in told]
        share, low = np.mean(np.array(ious) >= 0.95), np.quantile(ious, 0.01)
        print(
            f"| {encoding} | {len(films)} | {len(ious)} | {share:.1%} | {low:.3f} | {' | '.join(accuracies)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
