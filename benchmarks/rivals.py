"""Iterative attention mining as one would write it in an afternoon, and with more care: whom `run` is compared with.

Nothing of the harvest is used here but the network's definition and its trained weights.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from models.bundle import load_bundle
from models.findings import FINDINGS
from models.iam import IAM

SIDE, ORIGINAL = 512, 1024
MEAN, STD = 0.5, 0.25
THRESHOLDS = (0.35, 0.5, 0.7)
ERASE = 0.5
EIGHT = np.ones((3, 3))
Array = npt.NDArray[Any]
Labels = dict[str, tuple[int, ...]]
Box = tuple[float, float, float, float, float]
Row = tuple[str, str, int, float, Box]
"""Film, finding, rank, probability, box with its mean attention."""


def read_film(path: Path) -> Tensor:
    """Return (3, 512, 512) float32; resized as the harvest does it, so that boxes can be compared."""
    with Image.open(path) as image:
        grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=1.0)
    values = torch.from_numpy(np.asarray(grey, dtype=np.float32) / 255)
    return ((values - MEAN) / STD).expand(3, -1, -1).contiguous()


class Films(Dataset[tuple[Tensor, int]]):
    """Films by number."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return read_film(self.paths[number]), number


def normalised(values: Array, keep: Array) -> Array:
    visible = values[keep]
    if not keep.any() or visible.max() <= visible.min():
        return np.zeros_like(values)
    scaled = (values - visible.min()) / (visible.max() - visible.min())
    return np.where(keep, scaled, 0)


def erased(values: Array, keep: Array) -> Array:
    """Return the mask of the next iteration."""
    visible = np.where(keep, values, -np.inf)
    if visible.max() <= 0:
        return keep
    regions, _ = ndimage.label(keep & (normalised(values, keep) >= ERASE), EIGHT)
    return keep & (regions != regions[np.unravel_index(visible.argmax(), values.shape)])


def merged(maps: list[Array], keeps: list[Array]) -> Array:
    """Return H_f: the mean of the maps, each filled, where it is erased, from the one it was erased from."""
    scaled = [normalised(one, keep) for one, keep in zip(maps, keeps, strict=True)]
    filled = list(scaled)
    for later in range(1, len(scaled)):
        for one in range(later):
            filled[later] = filled[later] + scaled[one] * (keeps[one] & ~keeps[one + 1])
    return np.mean(filled, axis=0)


def cut(attention: Array) -> list[Box]:
    """Return up to three boxes in pixels of the film, the largest mean attention first."""
    span = attention.max() - attention.min()
    if span <= 1e-9:
        return []
    heat = (attention - attention.min()) / span
    peak = np.unravel_index(heat.argmax(), heat.shape)
    scale = ORIGINAL / heat.shape[0]
    boxes = []
    for threshold in THRESHOLDS:
        regions, _ = ndimage.label(heat >= threshold, EIGHT)
        rows, columns = ndimage.find_objects((regions == regions[peak]).astype(int))[0]
        corners = columns.start, rows.start, columns.stop, rows.stop
        boxes.append((*(float(one * scale) for one in corners), float(heat[rows, columns].mean())))
    return sorted(set(boxes), key=lambda box: -box[4])


def enlarged(attention: Array) -> Array:
    return functional.interpolate(torch.from_numpy(attention)[None, None], scale_factor=8, mode="bilinear")[
        0, 0
    ].numpy()


def append(rows: list[Row], table: Path) -> None:
    with table.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((*row[:4], *row[4]) for row in rows)


class Logits(nn.Module):
    """N_t as what pytorch-grad-cam explains."""

    def __init__(self, model: IAM, iteration: int) -> None:
        super().__init__()
        self.network = model.network(iteration)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, C) logits."""
        return self.network(images).logits


class Afternoon:
    """Film by film: T forward passes, and pytorch-grad-cam for each N_t and gated finding."""

    def __init__(self, bundle: Path) -> None:
        from pytorch_grad_cam import GradCAM

        model = load_bundle(bundle).model
        self.networks = [Logits(model, iteration) for iteration in range(1, len(model.tails) + 1)]
        self.cams = [GradCAM(one, [one.network.tail.multiscale]) for one in self.networks]

    def __call__(self, paths: list[Path], labels: Labels, table: Path) -> list[Row]:
        """Append the rows of some films to a CSV file, and return them."""
        return [row for path in paths for row in self.film(path, labels[path.name], table)]

    def film(self, path: Path, gated: tuple[int, ...], table: Path) -> list[Row]:
        """Return the rows of one film."""
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        image, rows = read_film(path)[None], list[Row]()
        with torch.no_grad():
            probabilities, *_ = [torch.sigmoid(one(image))[0] for one in self.networks]
        for finding in gated:
            keep, maps, keeps = np.ones((SIDE, SIDE), bool), [], []
            for cam in self.cams:
                maps.append(cam(input_tensor=image, targets=[ClassifierOutputTarget(finding)])[0] * keep)
                keeps.append(keep)
                keep = erased(maps[-1], keep)
            for rank, box in enumerate(cut(merged(maps, keeps)), start=1):
                rows.append((path.name, FINDINGS[finding], rank, float(probabilities[finding]), box))
        append(rows, table)
        return rows


class Batched:
    """Batches of 16: maps from the weights of the classifiers, masks and boxes in a loop.

    Each N_t runs whole, as a network that was trained alone would, or over a trunk that runs once.
    """

    def __init__(self, bundle: Path, shares_trunk: bool = False) -> None:
        self.model = load_bundle(bundle).model
        self.shares_trunk = shares_trunk

    def __call__(self, paths: list[Path], labels: Labels, table: Path) -> list[Row]:
        """Append the rows of some films to a CSV file, and return them."""
        found = []
        for images, numbers in DataLoader(Films(paths), batch_size=16, num_workers=2):
            batch = [paths[number] for number in numbers.tolist()]
            rows = list(self.batch(images, [path.name for path in batch], [labels[path.name] for path in batch]))
            append(rows, table)
            found += rows
        return found

    @torch.no_grad()
    def batch(self, images: Tensor, names: list[str], gated: list[tuple[int, ...]]) -> Iterator[Row]:
        """Yield the rows of a batch."""
        first, cams = self.cams(images)
        for number, (name, findings) in enumerate(zip(names, gated, strict=True)):
            for finding in findings:
                keep, maps, keeps = np.ones(cams.shape[-2:], bool), [], []
                for one in cams[:, number, finding]:
                    maps.append(one * keep)
                    keeps.append(keep)
                    keep = erased(maps[-1], keep)
                for rank, box in enumerate(cut(enlarged(merged(maps, keeps))), start=1):
                    yield name, FINDINGS[finding], rank, float(first[number, finding]), box

    def cams(self, images: Tensor) -> tuple[Tensor, Array]:
        """Return the probabilities of N_1 (B, C), and all maps (T, B, C, h, w)."""
        networks = [self.model.network(iteration) for iteration in range(1, len(self.model.tails) + 1)]
        if not self.shares_trunk:
            outputs = [network(images) for network in networks]
        else:
            from models.network import Features, run_stages

            trunk = run_stages(self.model.trunk, Features(images))
            outputs = [network.tail(trunk) for network in networks]
        return torch.sigmoid(outputs[0].logits), torch.stack([output.cams for output in outputs]).numpy()


class RayActor:
    """The same on Ray Data: one actor per core."""

    def __init__(self, bundle: str, labels: Labels) -> None:
        torch.set_num_threads(1)
        self.script, self.labels = Batched(Path(bundle)), labels

    def __call__(self, batch: dict[str, Array]) -> dict[str, Array]:
        """Return each film's rows as JSON."""
        names = batch["name"].tolist()
        rows = self.script.batch(torch.from_numpy(batch["film"]), names, [self.labels[name] for name in names])
        found = dict[str, list[Row]]()
        for row in rows:
            found.setdefault(row[0], []).append(row)
        return {"name": batch["name"], "rows": np.array([json.dumps(found.get(name, [])) for name in names])}


def on_ray(bundle: Path, paths: list[Path], labels: Labels, table: Path) -> None:
    """Harvest by Ray Data, which must be started."""
    import ray

    films = ray.data.from_items([{"path": str(path)} for path in paths], override_num_blocks=max(1, len(paths) // 16))
    read = films.map(lambda row: {"name": Path(row["path"]).name, "film": read_film(Path(row["path"])).numpy()})
    found = read.map_batches(
        RayActor, fn_constructor_args=(str(bundle), labels), batch_size=16, compute=ray.data.ActorPoolStrategy(size=2),
        num_cpus=0.5,
    )  # fmt: skip
    for one in found.iter_rows():
        append([(*row[:4], tuple(row[4])) for row in json.loads(one["rows"])], table)
