"""Do the engine's precisions give the boxes of plain float32? ``python benchmarks/parity.py --model nih-mini``.

The reference is the bundle's model as it is, layer by layer in float32. Printed is the share of its boxes that a box of
the same film and finding meets, of those that the operating points ask for. Phantoms, or with ``--images`` real films.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from harvest.batches import Film, place
from harvest.config import EngineConfig, HarvestConfig
from harvest.evaluation.overlap import iou
from harvest.localization import FindingResult, Localizer
from harvest.phantom.render import render_film
from harvest.predict import Predictor
from harvest.records import ArchiveObject, DecodedImage, InstanceHeader, UInt8Image
from models.bundle import load_bundle

SEED = 21
WANTED = (0.98, 0.95, 0.9)
LONG_SIDE = 1024


@dataclass
class Compared:
    """Of one engine: the best IoU of each box of the reference, and the decisions that differ."""

    ious: list[float] = field(default_factory=list)
    decisions: list[bool] = field(default_factory=list)
    off: list[float] = field(default_factory=list)

    def add(self, reference: list[FindingResult], other: list[FindingResult]) -> None:
        """Compare the findings of a film."""
        for one, two in zip(reference, other, strict=True):
            boxes = np.array([box.box for box in two.boxes]).reshape(-1, 4)
            self.ious += [float(iou(boxes, np.array(box.box)).max(initial=0.0)) for box in one.boxes]
            self.decisions.append(one.gated == two.gated)
            self.off.append(abs(one.probability - two.probability))

    def line(self, engine: str) -> str:
        """Return a row of the table."""
        shares = [f"{np.mean(np.array(self.ious) >= wanted):.1%}" for wanted in WANTED]
        cells = (engine, f"{len(self.ious)}", *shares, f"{np.mean(self.decisions):.2%}", f"{max(self.off):.4f}")
        return f"| {' | '.join(cells)} |"


def phantoms() -> Iterator[UInt8Image]:
    number = 0
    while True:
        yield render_film(SEED, number, LONG_SIDE).pixels
        number += 1


def pictures(folder: Path) -> Iterator[UInt8Image]:
    for path in sorted(folder.rglob("*.[pj][np]g")):
        with Image.open(path) as image:
            yield np.asarray(image.convert("L"))


def as_film(pixels: UInt8Image, hw: tuple[int, int]) -> Film:
    placement = place(DecodedImage(pixels), hw)
    source = ArchiveObject("film", pixels.nbytes, 0)
    return Film(source, 1, InstanceHeader(), placement.to_input(pixels), placement)


def localizers(model: str) -> dict[str, Localizer]:
    config, bundle = HarvestConfig(), load_bundle(model)
    engines = {name: Predictor(bundle, EngineConfig.model_validate({"precision": name})) for name in ("fp32", "bf16")}
    plain = Predictor(bundle, EngineConfig(precision="fp32"))
    plain._model, plain._input = bundle.model, bundle.spec.network
    return {name: Localizer(one, config) for name, one in ({"plain": plain} | engines).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nih-mini")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    engines = localizers(given.model)
    predictor = engines["plain"].predictor
    films = islice(pictures(given.images) if given.images else phantoms(), given.count)
    compared = {name: Compared() for name in engines if name != "plain"}
    while batch := [as_film(one, predictor.spec.network.input_hw) for one in islice(films, predictor.batch_size)]:
        found = {name: engine.localize(batch) for name, engine in engines.items()}
        for name, one in compared.items():
            for reference, other in zip(found["plain"], found[name], strict=True):
                one.add(reference or [], other or [])
    print(f"{given.model}, {given.count} {'films' if given.images else f'phantoms of {LONG_SIDE} pixels'}\n")
    heads = ("engine", "boxes", *(f"IoU >= {wanted}" for wanted in WANTED), "same decision", "largest difference of p")
    print(f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    for name, one in compared.items():
        print(one.line(name))


if __name__ == "__main__":
    main()
