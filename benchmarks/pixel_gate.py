"""Train and measure the pixel gate: ``benchmarks/pixel_gate.py --images DIR --labels CSV --dicom DIR [--train]``.

Chest films: phantoms, and the films of the label table's split ``train``. Others: ``benchmarks/not_chests.py``,
cuttings of chest films, and some of the DICOM files. Everything else is only measured. Prints Markdown for
docs/dicom.md.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from not_chests import DRAWN, PHOTOGRAPHS, SIDE, UNSEEN_PHOTOGRAPHS, Grey, Rng, cutting, photograph
from PIL import Image
from pixel_gate_films import Films, dicom_films, nih_films, phantoms, smaller, thumbnail
from safetensors.numpy import save_file
from torch import nn

from harvest.decode.pixel_gate import OTHER, TURNED, WEIGHTS, PixelGate, describe, shipped_gate, standardise
from harvest.decode.thumbnail import SIDE as THUMBNAIL
from harvest.phantom.sketch import sketch_chest

COMPONENTS, HIDDEN, BATCH, EPOCHS = 120, 64, 256, 40
POOL_SEEDS = (100, 101, 102, 103)
LEARNED_FILES = (
    "GH133.dcm", "HasFragmentSequence.dcm", "RG2_JPLL.dcm", "NM1_JPLY.dcm", "MR3_JPLY.dcm", "GH064.dcm", "693_UNCR.dcm",
    "JLSL_16_15_1_1F.dcm", "MR_small_bigendian.dcm",
)  # fmt: skip
"""Non-chest DICOM files to learn from; no other file shows the same picture."""
SAME_AS_LEARNED = ("NM1_JLSN.dcm", "JPGExtended.dcm", "MR_small_jpeg_ls_lossless.dcm")
PHANTOM_SEEDS = (501, 502)
"""Learned, and only measured."""
PHANTOMS = 200
TURNED_MARGIN = 4.0
LOGIT_RESERVE = 5.5
"""By which the threshold lies below the least likely chest film of training."""
ORIGIN = (
    "NIH ChestX-ray14 (NIH Clinical Center; Wang et al., CVPR 2017), split train; phantoms; drawn pictures; "
    "photographs of scikit-image; public DICOM test files"
)


def changed(pixels: Grey, rng: Rng, *, turn: bool) -> Grey:
    """Move, zoom, lean, mirror, blacken margins, bend the grey scale; ``turn``: also any quarter turn and inversion."""
    image = Image.fromarray(pixels)
    angle, zoom = np.deg2rad(rng.uniform(-9, 9)), rng.uniform(0.85, 1.12, 2)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    offset = SIDE / 2 - matrix @ (SIDE / 2 + rng.uniform(-0.06, 0.06, 2) * SIDE)
    terms = (*matrix[0], offset[0], *matrix[1], offset[1])
    fill = int(rng.choice([0, 0, int(pixels.mean())]))
    moved = image.transform((SIDE, SIDE), Image.Transform.AFFINE, terms, Image.Resampling.BILINEAR, fillcolor=fill)
    grey = np.asarray(moved.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR), np.float32) / 255
    grey = grey ** np.exp(rng.uniform(-0.9, 0.9)) + rng.uniform(0, 0.04) * rng.standard_normal(grey.shape)
    low, high = rng.uniform(-0.1, 0.15), rng.uniform(0.7, 1.15)
    grey = np.clip((grey - low) / (high - low), 0, 1)
    grey = grey[:, ::-1] if rng.random() < 0.5 else grey
    if turn:
        grey = np.rot90(grey, rng.integers(4))
        grey = 1 - grey if rng.random() < 0.3 else grey
    return (255 * grey).astype(np.uint8)


def others(chests: list[Grey], scans: list[Grey], photographs: tuple[str, ...], rng: Rng) -> Iterator[Grey]:
    """Endless thumbnails of what is no upright chest film."""
    drawn: list[Callable[[], Grey]] = [lambda draw=draw: draw(rng) for draw in DRAWN]
    kinds = [*drawn, *[lambda: photograph(photographs, rng)] * 3]
    kinds += [lambda: cutting(chests[rng.integers(len(chests))], rng, (0.15, 0.4))] * 2
    if scans:
        kinds += [lambda: scans[rng.integers(len(scans))]] * 3
        kinds += [lambda: cutting(scans[rng.integers(len(scans))], rng, (0.4, 1.0))] * 2
    while True:
        if rng.random() < 0.15:
            chest = np.rot90(chests[rng.integers(len(chests))], rng.integers(1, 4))
            yield changed(np.ascontiguousarray(chest), rng, turn=False)
        else:
            yield changed(kinds[rng.integers(len(kinds))](), rng, turn=True)


def principal_components(yes: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, components (1024, k) and spread of standardised thumbnails of chest films."""
    seen = standardise(yes.astype(np.float32))
    mean = seen.mean(axis=0)
    variance, components = np.linalg.eigh((seen - mean).T @ (seen - mean) / len(seen))
    found = {"mean": mean, "components": components[:, ::-1][:, :COMPONENTS]}
    found["spread"] = np.sqrt(variance[::-1][:COMPONENTS])
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def learn(yes: np.ndarray, no: np.ndarray) -> PixelGate:
    """Train on thumbnails (N, 32, 32) uint8 of upright chest films and of anything else."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    weights = principal_components(yes)
    seen = torch.from_numpy(describe(np.concatenate([yes, no]).astype(np.float32), weights).astype(np.float32))
    truth = torch.cat([torch.ones(len(yes)), torch.zeros(len(no))])
    network = nn.Sequential(nn.Linear(COMPONENTS + 2, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1))
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=0.02)
    steps = len(seen) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=EPOCHS * steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(seen))[: steps * BATCH].split(BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(network(seen[batch])[:, 0], truth[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return PixelGate(weights | layers(network), 0.5, TURNED_MARGIN)


def layers(network: nn.Sequential) -> dict[str, np.ndarray]:
    hidden, out = network[0], network[2]
    found = {
        "hidden": hidden.weight.T,
        "hidden_bias": hidden.bias,
        "out": out.weight[0],
        "out_bias": out.bias[0],
    }
    return {name: np.ascontiguousarray(value.detach().numpy()) for name, value in found.items()}


def fit(gate: PixelGate, known: list[Grey]) -> PixelGate:
    """Set the threshold below the least likely of the chest films known to training."""
    lowest = min(gate.logits_by_turn(thumbnail(film)).max() for film in known) - LOGIT_RESERVE
    return replace(gate, threshold=round(float(1 / (1 + np.exp(-lowest))), 6))


def draw_pool(films: Films, seed: int) -> tuple[list[Grey], list[Grey], list[Grey]]:
    """Thumbnails of changed chest films, of changed sketches, and of anything else."""
    rng = np.random.default_rng(seed)
    chests = [*films.nih["train"].values(), *films.phantoms[PHANTOM_SEEDS[0]]]
    scans = [film for name, film in films.dicom.items() if name.rpartition("/")[2] in LEARNED_FILES]
    order = rng.permutation(len(chests))
    yes = [changed(chests[index], rng, turn=False) for index in np.r_[order, order[:700]]]
    drawn = [changed(sketch, rng, turn=False) for sketch in sketches()]
    return yes, drawn, list(islice(others(chests, scans, PHOTOGRAPHS, rng), 2_500))


def sketches() -> list[Grey]:
    return [smaller(sketch_chest(number, 120, 100)) for number in range(300)]


def train(films: Films) -> PixelGate:
    pools = [draw_pool(films, seed) for seed in POOL_SEEDS]
    chests = [*films.nih["train"].values(), *films.phantoms[PHANTOM_SEEDS[0]]]
    whole = np.stack([thumbnail(film) for film in chests]).astype(np.uint8)
    yes = [one for kind in (0, 1) for pool in pools for one in pool[kind]]
    no = [one for pool in pools for one in pool[2]]
    return fit(learn(np.concatenate([np.stack(yes), whole, whole[:, :, ::-1]]), np.stack(no)), chests + sketches())


def save(gate: PixelGate, path: Path, origin: str) -> None:
    said = {"threshold": str(gate.threshold), "turned_margin": str(gate.turned_margin), "trained_on": origin}
    halved = {"components": gate.weights["components"].astype(np.float16)}
    save_file(gate.weights | halved, path, metadata=said)


def chest_sets(films: Films, originals: Path) -> dict[str, list[Grey]]:
    stems = {path.stem for path in originals.glob("*.png")} if originals.is_dir() else set()
    sets = {f"NIH, split {split}": list(found.values()) for split, found in films.nih.items()}
    sets["NIH, originals of 1024 pixels"] = [
        smaller(np.asarray(Image.open(originals / f"{stem}.png").convert("L"))) for stem in sorted(stems)
    ]
    sets |= {f"phantoms, seed {seed}": found for seed, found in films.phantoms.items()}
    sets["DICOM chest films"] = [film for name, film in films.dicom.items() if name.startswith("chest/")]
    return sets


def other_sets(films: Films) -> dict[str, list[Grey]]:
    rng = np.random.default_rng(1)
    unseen = [*films.nih["dev"].values()]
    sets = {f"drawn: {draw.__name__.replace('_', ' ')}": [draw(rng) for _ in range(100)] for draw in DRAWN}
    sets["photographs, other ones than learned"] = [photograph(UNSEEN_PHOTOGRAPHS, rng) for _ in range(200)]
    sets["cuttings of 15 to 40 % of a chest film"] = [
        cutting(unseen[rng.integers(len(unseen))], rng, (0.15, 0.4)) for _ in range(200)
    ]
    learned = LEARNED_FILES + SAME_AS_LEARNED
    sets["DICOM files of something else, not learned"] = [
        film
        for name, film in films.dicom.items()
        if not name.startswith("chest/") and name.rpartition("/")[2] not in learned
    ]
    return sets


def report(gate: PixelGate, films: Films, originals: Path) -> Iterator[str]:
    yield "| chest films | films | called `other` | called `turned` | lowest probability |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, found in chest_sets(films, originals).items():
        said = [gate.judge(thumbnail(film)) for film in found]
        counts = [sum(one.verdict == verdict for one in said) for verdict in (OTHER, TURNED)]
        lowest = min(one.probability for one in said)
        yield f"| {name} | {len(said):,} | {counts[0]} | {counts[1]} | {lowest:.4f} |"
    dev = list(films.nih["dev"].values())
    turned = [gate.judge(thumbnail(np.rot90(film, turn))).verdict for film in dev for turn in (1, 2, 3)]
    yield f"| NIH, split dev, on its side or head | {len(turned)} | {turned.count(OTHER)} | {turned.count(TURNED)} | |"
    yield ""
    yield "| other pictures | pictures | called `other` | missed |"
    yield "| --- | ---: | ---: | ---: |"
    for name, found in other_sets(films).items():
        missed = sum(gate.judge(thumbnail(film)).verdict != OTHER for film in found)
        yield f"| {name} | {len(found)} | {len(found) - missed} | {missed} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="Folder of NIH films, by stem.")
    parser.add_argument("--labels", type=Path, required=True, help="Its label table, with a column 'split'.")
    parser.add_argument("--originals", type=Path, default=Path("none"), help="Folder of larger films of the same.")
    parser.add_argument("--dicom", type=Path, required=True, help="Folder with manifest.csv.")
    parser.add_argument("--train", action="store_true", help=f"Write models/{WEIGHTS} first.")
    given = parser.parse_args()
    drawn = {seed: phantoms(seed, PHANTOMS) for seed in PHANTOM_SEEDS}
    films = Films(nih_films(given.images, given.labels), drawn, dicom_films(given.dicom))
    path = Path(str(files("models"))) / WEIGHTS
    if given.train:
        save(train(films), path, ORIGIN)
    print("\n".join(report(shipped_gate(), films, given.originals)))


if __name__ == "__main__":
    main()
