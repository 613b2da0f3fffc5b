"""What throughput, stages and roofline are measured on: a ResNet-50 of seeded random weights, phantoms of 1024 pixels.

Every film has exactly two findings, asserted by a label table, so that every rival has the same to do.
"""

import csv
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from harvest.phantom.render import render_film
from models.bundle import save_bundle
from models.findings import FINDINGS
from models.iam import IAM, to_input
from models.spec import BundleSpec, FindingSpec, NetworkSpec

SEED = 20180918
SIDE = 1024
DRAWN = 64
"""Different films; the others are links to these."""


def network(iterations: int = 3, shared_stages: int = 4) -> NetworkSpec:
    """ResNet-50 at 512 x 512; 4 shared stages: through the second last."""
    return NetworkSpec(iterations=iterations, shared_stages=shared_stages)


def random_model(spec: NetworkSpec) -> IAM:
    """Random weights; statistics of phantoms, so that values keep their scale; tails that differ."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(SEED)
        model = IAM(spec, BundleSpec.model_fields["mining"].default)
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
                nn.init.uniform_(layer.weight, 0.5, 1.5)  # timm starts the last one of a block at 0: no block at all
        for tail in list(model.tails)[1:]:
            for layer in tail.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.reset_parameters()
            nn.init.normal_(tail.branches.weight, std=0.05)
        films = [Image.fromarray(render_film(SEED, number, 512).pixels).resize((512, 512)) for number in range(4)]
        model.train()(to_input(torch.from_numpy(np.stack([np.asarray(film) for film in films])), spec))
    return model.eval()


def random_bundle(folder: Path) -> Path:
    """Return a bundle of :func:`random_model`, made where there is none."""
    if not (folder / "bundle.json").exists():
        spec = network()
        findings = {name: FindingSpec() for name in FINDINGS}
        described = BundleSpec(name="random-resnet50", network=spec, findings=findings)
        save_bundle(
            folder, random_model(spec), described, "# random-resnet50\n\nRandom weights, to measure time with.\n"
        )
    return folder


def archive(folder: Path, films: int) -> tuple[Path, Path]:
    """Return a folder of so many PNG files and its label table, made where there are none."""
    images, labels = folder / f"images-{films}", folder / f"labels-{films}.csv"
    if not labels.exists():
        drawn = [draw(folder / "drawn", number) for number in range(min(films, DRAWN))]
        images.mkdir(exist_ok=True)
        rng = np.random.default_rng(SEED)
        with labels.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["Image Index", "Finding Labels", "Patient ID"])
            for number in range(films):
                name = f"{number:08d}.png"
                os.link(drawn[number % len(drawn)], images / name)
                table.writerow([name, "|".join(rng.choice(FINDINGS, 2, replace=False)), number])
    return images, labels


def draw(folder: Path, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:08d}.png"
    if not path.exists():
        # Square, because who writes an afternoon's script stretches a film where the harvest pads it.
        Image.fromarray(render_film(SEED, number, SIDE).pixels).resize((SIDE, SIDE)).save(path)
    return path


def read_labels(table: Path) -> dict[str, tuple[int, ...]]:
    """Return file name -> columns of its findings."""
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["Image Index"]: tuple(sorted(map(FINDINGS.index, row["Finding Labels"].split("|")))) for row in rows}
