"""Recipes of training compared on patients that no training saw: three folds of split train of ChestX-ray14's films.

    python benchmarks/recipes.py --data DIR [--only NAME ...] [--device cuda]

For each recipe and fold a base network (T = 1) learns from the labels of the two other folds, for a fixed number of
epochs; the boxes of the fold itself are scored. Places come from the films that were learned from, thresholds and order
of ranks from the boxes of dev, pooled over the three networks. Films are changed on the device, batch by batch; two
thirds of the films are learned from, so figures are lower than those of a bundle. Hours on two cores, minutes on a GPU.
"""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from recipe_films import FOLDS, BoxedFilms, load_films
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from harvest.training.presets import SMALL
from models.network import FindingNetwork, to_input
from models.precision import spare_copies
from models.pretrained import initialise
from models.spec import NetworkSpec
from models.training import ClassifierStep, Machine, prepare
from models.training_spec import AugmentationSpec, PhaseSpec
from models.updates import Updater

COURSE = 12
"""Epochs over which the learning rate falls; most recipes end before."""


@dataclass(frozen=True)
class Recipe:
    """What differs from the first recipe."""

    network: dict[str, Any] = field(default_factory=dict)
    augmentation: dict[str, Any] = field(default_factory=dict)
    phase: dict[str, Any] = field(default_factory=dict)
    epochs: int = 7
    reads_mirror_image: bool = False
    """Whether maps are the mean of those of the film and of its mirror image."""
    seed: int = 0

    @property
    def network_spec(self) -> NetworkSpec:
        """Of the preset ``small`` but for 384 x 384 pixels and what the recipe says."""
        return NetworkSpec.model_validate(SMALL["network"] | {"input_hw": (384, 384)} | self.network)

    @property
    def phase_spec(self) -> PhaseSpec:
        """Of the preset ``small`` but for batches of 16 and what the recipe says."""
        preset = {name: value for name, value in SMALL["end_to_end"].items() if name != "members"}
        return PhaseSpec.model_validate(
            preset | {"epochs": COURSE, "batch_size": 16, "learning_rate": 3e-4} | self.phase
        )

    @property
    def augmentation_spec(self) -> AugmentationSpec:
        """Of the preset ``small`` but for the mirror and what the recipe says."""
        return AugmentationSpec.model_validate(SMALL["augmentation"] | {"horizontal_flip": 0.0} | self.augmentation)


FLIP = {"horizontal_flip": 0.5}
STRONG = FLIP | {"degrees": 15, "translate": 0.12, "scale": 0.25, "contrast": 0.4, "brightness": 0.2}
RECIPES = {
    "384 x 384, PCAM": Recipe(),
    "average pooling": Recipe({"pooling": "average"}),
    "log-sum-exp pooling, r = 10": Recipe({"pooling": "lse", "lse_sharpness": 10.0}),
    "without MSA": Recipe({"multiscale": False}),
    "64 + 32 channels": Recipe({"deep_channels": 64, "shallow_channels": 32}),
    "film and mirror image read": Recipe(reads_mirror_image=True),
    "512 x 512": Recipe({"input_hw": (512, 512)}),
    "512 x 512, film and mirror image read": Recipe({"input_hw": (512, 512)}, reads_mirror_image=True),
    "512 x 512, log-sum-exp": Recipe({"input_hw": (512, 512), "pooling": "lse", "lse_sharpness": 10.0}),
    "mirrored films": Recipe(augmentation=FLIP),
    "mirrored films, film and mirror image read": Recipe(augmentation=FLIP, reads_mirror_image=True),
    "mirrored films, 12 epochs": Recipe(augmentation=FLIP, epochs=12),
    "stronger changes, 12 epochs": Recipe(augmentation=STRONG, epochs=12),
    "12 epochs": Recipe(epochs=12),
    "batches of 32": Recipe(phase={"batch_size": 32, "learning_rate": 5e-4}),
    "all stages trained": Recipe(phase={"frozen_stages": 0}),
    "a third of the learning rate": Recipe(phase={"learning_rate": 1e-4}),
}


def train(recipe: Recipe, films: Tensor, labels: Tensor, rows: npt.NDArray[np.int64], device: str) -> FindingNetwork:
    """Train a base network on some films, uint8 (N, H, W), on the device."""
    torch.manual_seed(recipe.seed)
    network = FindingNetwork(recipe.network_spec)
    initialise(network, "package")
    spare_copies(network)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    spec, machine = recipe.phase_spec, Machine(torch.device(device))
    batches = len(rows) // spec.batch_size
    updater, step = Updater(network, spec, COURSE * batches), ClassifierStep(network, machine)
    rng = np.random.default_rng(recipe.seed)
    generator = torch.Generator(device=device).manual_seed(recipe.seed)
    for _ in range(recipe.epochs):
        prepare(network, spec.frozen_stages, freeze_statistics=False)
        order = rng.permutation(rows)
        for part in np.array_split(order[: batches * spec.batch_size], batches):
            grey = change(films[part][:, None].float(), recipe.augmentation_spec, generator)
            updater.update(step.classify(network(_normalise(grey, recipe.network_spec)).logits, labels[part]))
    return updater.kept.eval()


def change(films: Tensor, spec: AugmentationSpec, generator: torch.Generator) -> Tensor:
    """Change films (B, 1, H, W) of 0 to 255 as :class:`models.augmentation.Augmentation` does one."""
    count = len(films)

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator, device=films.device)

    angle = torch.deg2rad(between(-spec.degrees, spec.degrees))
    zoom = between(1 - spec.scale, 1 + spec.scale)
    shift = [2 * between(-spec.translate, spec.translate) for _ in range(2)]
    mirror = torch.where(between(0, 1) < spec.horizontal_flip, -1.0, 1.0)
    rows = [
        torch.stack([mirror * angle.cos() / zoom, angle.sin() / zoom, shift[0]], 1),
        torch.stack([-mirror * angle.sin() / zoom, angle.cos() / zoom, shift[1]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), list(films.shape), align_corners=False)
    moved = functional.grid_sample(films, grid, align_corners=False)
    mean = moved.mean((1, 2, 3), keepdim=True)
    contrast, brightness = (between(1 - by, 1 + by)[:, None, None, None] for by in (spec.contrast, spec.brightness))
    return (((moved - mean) * contrast + mean) * brightness).clamp(0, 255)


def _normalise(grey: Tensor, spec: NetworkSpec) -> Tensor:
    return to_input(grey[:, 0], spec).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def read_maps(network: FindingNetwork, films: Tensor, both: bool) -> npt.NDArray[np.float32]:
    """Return the raw maps (N, C, h, w) of films, or their mean with those of the mirror images."""

    def read(grey: Tensor) -> Tensor:
        cams: Tensor = network(_normalise(grey[:, None].float(), network.spec)).cams
        return cams

    def once(grey: Tensor) -> Tensor:
        return (read(grey) + read(grey.flip(-1)).flip(-1)) / 2 if both else read(grey)

    maps: npt.NDArray[np.float32] = torch.cat([once(part).cpu() for part in films.split(32)]).numpy()
    return maps


def cross_validate(recipe: Recipe, boxed: BoxedFilms, device: str) -> dict[str, float]:
    """Return mean Acc under each rule, on the boxes of the three folds."""
    side = recipe.network_spec.input_hw
    films = torch.from_numpy(boxed.sized(side)).to(device)
    labels = torch.from_numpy(boxed.labels).to(device)
    readings = []
    for fold in range(FOLDS):
        rows = np.flatnonzero((boxed.fold >= 0) & (boxed.fold != fold))
        network = train(recipe, films, labels, rows, device)
        readings.append(read_maps(network, films, recipe.reads_mirror_image))
    return boxed.score(readings)


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, labels.csv and boxes.csv")
    parser.add_argument("--only", nargs="+", choices=list(RECIPES), default=list(RECIPES), metavar="NAME")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    boxed = load_films(given.data)
    table = Table(title="mean Acc on held-out patients of split train")
    for number, name in enumerate(given.only):
        figures = cross_validate(replace(RECIPES[name], seed=given.seed), boxed, given.device)
        if not number:
            for head in ("recipe", *figures):
                table.add_column(head.replace("iam-", ""))
        cells = [f"{value:.3f}" for value in figures.values()]
        Console(stderr=True).print(name, *cells, highlight=False)
        table.add_row(name, *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
