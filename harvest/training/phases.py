"""One phase of training: its epochs, validation, early stopping, checkpoints; what is finished is not done again."""

import json
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from harvest.training.batches import Composition, iter_batches, part_of
from harvest.training.films import FilmSet
from harvest.training.validation import validate
from models.checkpoint import Checkpoint, load_checkpoint, own_memory, remove_checkpoints, save_checkpoint
from models.mining_step import MiningStep
from models.network import FindingNetwork
from models.pretrained import load_portable, portable_weights
from models.training import ClassifierStep, Machine, prepare, train_epoch
from models.training_spec import PhaseSpec
from models.updates import Updater, process_count, process_rank, share_statistics

logger = logging.getLogger(__name__)
FIGURES = "metrics.jsonl"
Row = dict[str, Any]
"""Figures of one epoch; the keys are described in docs/training.md."""


class Observer(Protocol):
    """Who watches a training."""

    def begin(self, phase: str, epochs: int, films: int) -> None:
        """A phase begins, of at most ``epochs`` with ``films`` each."""

    def advance(self, films: int) -> None:
        """So many more films went through."""

    def end_epoch(self, row: Row) -> None:
        """An epoch is finished."""


@dataclass(frozen=True)
class Phase:
    """What is done in a phase.

    Attributes:
        name: of its files.
        number: enters the random seeds.
        spec: its settings.
        composition: of its batches.
        step: gives the losses.
        frozen_stages: first backbone stages that stay as they are.
        freeze_statistics: of BatchNorm.
    """

    name: str
    number: int
    spec: PhaseSpec
    composition: Composition
    step: ClassifierStep | MiningStep
    frozen_stages: int = 0
    freeze_statistics: bool = False

    @property
    def network(self) -> FindingNetwork:
        """The network in training."""
        return self.step.network


@dataclass(frozen=True)
class Workshop:
    """What all phases of a training share.

    Attributes:
        work: directory of checkpoints and figures.
        train: films to train on.
        held_out: films to validate on.
        to_mine: indices, into ``train``, of films to mine.
        machine: where.
        workers: processes that read films.
        seed: of everything random.
        observer: is told.
    """

    work: Path
    train: FilmSet
    held_out: FilmSet
    to_mine: tuple[int, ...]
    machine: Machine
    workers: int
    seed: int
    observer: Observer
    history: list[Row] = field(default_factory=list)
    """Figures of the finished phases."""


@dataclass
class _Progress:
    """Of one phase, between epochs."""

    epoch: int = 0
    rows: list[Row] = field(default_factory=list)
    best_loss: float | None = None
    best_epoch: int = 0
    best: dict[str, Tensor] | None = None


def run_phase(phase: Phase, workshop: Workshop) -> None:
    """Train the phase's network as it says; go on where an earlier run stopped.

    The network gets the weights to hand on, the workshop's history the figures.
    """
    network = phase.network
    if _load_finished(phase.name, network, workshop):
        return
    prepare(network, phase.frozen_stages, phase.freeze_statistics)
    updater = Updater(network, phase.spec, phase.spec.epochs * phase.composition.batch_count)
    progress = _resume(phase, updater, workshop)
    films = phase.composition.batch_count * phase.composition.size
    workshop.observer.begin(phase.name, phase.spec.epochs, films)
    while progress.epoch < phase.spec.epochs and not _is_over(phase.spec, progress):
        _run_epoch(phase, updater, progress, workshop)
        if process_rank() == 0:
            save_checkpoint(workshop.work, phase.name, _checkpoint(phase, updater, progress))
            write_figures([*workshop.history, *progress.rows], workshop.work)
        workshop.observer.end_epoch(progress.rows[-1])
    network.load_state_dict(progress.best or updater.kept.state_dict())
    workshop.history.extend(progress.rows)
    if process_rank() == 0:
        _save_finished(phase.name, network, progress.rows, workshop.work)


def _run_epoch(phase: Phase, updater: Updater, progress: _Progress, workshop: Workshop) -> None:
    torch.manual_seed(hash((workshop.seed, phase.number, progress.epoch)))
    plan = phase.composition.plan((workshop.seed, phase.number, progress.epoch))
    parts = [part_of(batch, process_rank(), process_count()) for batch in plan]
    rate, start = updater.learning_rate, time.perf_counter()
    prepare(updater.network, phase.frozen_stages, phase.freeze_statistics)
    batches = iter_batches(workshop.train, parts, workshop.workers)
    means = train_epoch(phase.step, batches, updater, workshop.observer.advance)
    seconds = time.perf_counter() - start
    for module in {updater.network, updater.kept}:
        share_statistics(module)
    validation = validate(updater.kept, workshop.held_out, workshop.machine, workshop.workers)
    progress.epoch += 1
    row: Row = {
        "phase": phase.name,
        "epoch": progress.epoch,
        "learning_rate": rate,
        "loss": means.classification,
        "knowledge": means.knowledge,
        "knowledge_weight": phase.step.weight if isinstance(phase.step, MiningStep) else 0.0,
        "knowledge_ratio": means.knowledge_ratio,
        "validation_loss": validation.loss,
        "validation_auc": validation.mean_auc(),
        "films": means.films * process_count(),
        "seconds": round(seconds, 1),
        "films_per_second": round(means.films * process_count() / seconds, 2),
    }
    progress.rows.append(row)
    _note_best(phase.spec, updater.kept, validation.loss, progress)


def _note_best(spec: PhaseSpec, kept: FindingNetwork, loss: float | None, progress: _Progress) -> None:
    if loss is None or (progress.best_loss is not None and loss >= progress.best_loss):
        return
    progress.best_loss, progress.best_epoch = loss, progress.epoch
    if spec.keep == "best":
        progress.best = own_memory(kept.state_dict())


def _is_over(spec: PhaseSpec, progress: _Progress) -> bool:
    """Say whether the validation loss has been flat for as long as the phase bears."""
    known = spec.patience and progress.best_loss is not None
    return bool(known) and progress.epoch - progress.best_epoch >= spec.patience


def _checkpoint(phase: Phase, updater: Updater, progress: _Progress) -> Checkpoint:
    step = phase.step.state_dict() if isinstance(phase.step, MiningStep) else {}
    figures = {"rows": progress.rows, "best_loss": progress.best_loss, "best_epoch": progress.best_epoch}
    state = {**updater.state_dict(), "step": step}
    return Checkpoint(progress.epoch, updater.network.state_dict(), state, figures, progress.best)


def _resume(phase: Phase, updater: Updater, workshop: Workshop) -> _Progress:
    """Load the last checkpoint of the phase into network, optimiser and step."""
    found = load_checkpoint(workshop.work, phase.name)
    if found is None:
        return _Progress()
    phase.network.load_state_dict(dict(found.weights))
    updater.load_state_dict(found.updater)
    if isinstance(phase.step, MiningStep):
        phase.step.load_state_dict(found.updater["step"])
    logger.info("Going on with %s after epoch %d.", phase.name, found.epoch)
    figures = found.progress
    best = dict(found.best) if found.best is not None else None
    return _Progress(found.epoch, list(figures["rows"]), figures["best_loss"], figures["best_epoch"], best)


def _load_finished(name: str, network: FindingNetwork, workshop: Workshop) -> bool:
    """Load what a finished phase left; False where it is not finished."""
    figures = workshop.work / f"{name}.json"
    if not figures.exists():
        return False
    load_portable(network, load_file(workshop.work / f"{name}.safetensors"))
    workshop.history.extend(json.loads(figures.read_text(encoding="utf-8")))
    return True


def _save_finished(name: str, network: FindingNetwork, rows: list[Row], work: Path) -> None:
    save_weights(name, network, work)
    partial = work / f".{name}.partial"
    partial.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    partial.replace(work / f"{name}.json")
    remove_checkpoints(work, name)


def save_weights(name: str, network: FindingNetwork, work: Path) -> None:
    """Write a network's weights, under the names that every network with this backbone has, into the work directory."""
    if process_rank() == 0:
        partial = work / f".{name}.partial"
        save_file(own_memory(portable_weights(network)), partial)
        partial.replace(work / f"{name}.safetensors")


def write_figures(rows: list[Row], directory: Path) -> None:
    """Write ``metrics.jsonl``: one line per epoch."""
    partial = directory / f".{FIGURES}.partial"
    partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    partial.replace(directory / FIGURES)
