"""The state of an unfinished phase, written each epoch, so that a killed training goes on as if nothing had happened.

A checkpoint is a directory ``<phase>-<epoch>``: weights as safetensors, progress as JSON, the optimiser's state in
torch's format, read back by the loader that builds nothing but tensors. It appears whole; older ones go when it has.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

WEIGHTS, BEST, OPTIMISER, PROGRESS = "weights.safetensors", "best.safetensors", "optimiser.pt", "progress.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that the next epoch depends on.

    Attributes:
        epoch: finished ones.
        weights: of the network in training.
        updater: ``Updater.state_dict()``, and the step's own under ``step``: tensors and plain containers.
        progress: JSON content.
        best: weights with the lowest validation loss so far; None where they are not kept.
    """

    epoch: int
    weights: Mapping[str, Tensor]
    updater: Mapping[str, Any]
    progress: Mapping[str, Any] = field(default_factory=dict)
    best: Mapping[str, Tensor] | None = None


def save_checkpoint(directory: Path, phase: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, then remove older ones of the same phase."""
    final = directory / f"{phase}-{checkpoint.epoch:04d}"
    partial = directory / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(own_memory(checkpoint.weights), partial / WEIGHTS)
    if checkpoint.best is not None:
        save_file(own_memory(checkpoint.best), partial / BEST)
    torch.save(dict(checkpoint.updater), partial / OPTIMISER)
    (partial / PROGRESS).write_text(json.dumps({"epoch": checkpoint.epoch, **checkpoint.progress}), encoding="utf-8")
    for path in partial.iterdir():
        _sync(path)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for path in _complete(directory, phase):
        if path != final:
            shutil.rmtree(path)


def load_checkpoint(directory: Path, phase: str) -> Checkpoint | None:
    """Read the last complete checkpoint of a phase; None where there is none."""
    found = _complete(directory, phase)
    if not found:
        return None
    last = found[-1]
    progress = json.loads((last / PROGRESS).read_text(encoding="utf-8"))
    return Checkpoint(
        epoch=progress.pop("epoch"),
        weights=load_file(last / WEIGHTS),
        updater=torch.load(last / OPTIMISER, map_location="cpu", weights_only=True),
        progress=progress,
        best=load_file(last / BEST) if (last / BEST).exists() else None,
    )


def remove_checkpoints(directory: Path, phase: str) -> None:
    """Remove the checkpoints of a finished phase."""
    for path in _complete(directory, phase):
        shutil.rmtree(path)


def own_memory(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU in plain layout, as safetensors needs them."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        for name, value in weights.items()
    }


def _complete(directory: Path, phase: str) -> list[Path]:
    """Return the checkpoints of a phase, oldest first."""
    return sorted(path for path in directory.glob(f"{phase}-[0-9][0-9][0-9][0-9]") if path.is_dir())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
