"""The loops of training, over any iterable of batches.

Source: Cai et al., MICCAI 2018, sec. 2.1 (erased maps in the loss), 2.2 (knowledge preservation, eq. 4-6), 3.1.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from models.errors import TrainingError
from models.losses import classification_loss
from models.network import FindingNetwork, to_input
from models.precision import Precision, mixed_precision
from models.updates import Updater


class Batch(NamedTuple):
    """Films and what is asserted of them."""

    films: Tensor
    """uint8 (B, H, W)."""
    labels: Tensor
    """float32 (B, C), 1 where asserted."""
    mined: int = 0
    """The first so many are there to be mined."""


class Losses(NamedTuple):
    """Of one batch, scalars: L_cls, lambda L_KP, and their sum."""

    classification: Tensor
    knowledge: Tensor
    total: Tensor


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and how the network runs."""

    device: torch.device
    precision: Precision = "fp32"

    def to_input(self, films: Tensor, network: FindingNetwork) -> Tensor:
        """Return network input of films uint8 (B, H, W), on the device."""
        images = to_input(films.to(self.device, non_blocking=True), network.spec)
        return images.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class EpochMeans:
    """Means over the films of one epoch (of this process)."""

    classification: float
    knowledge: float
    films: int

    @property
    def knowledge_ratio(self) -> float:
        """Lambda L_KP / L_cls."""
        return self.knowledge / self.classification if self.classification else 0.0


Step = Callable[[Batch], Losses]
"""From a batch to its losses, with gradients."""


class ClassifierStep:
    """Plain classification of whole films, as in all phases before mining.

    Args:
        network: to train.
        machine: where.
        positive_weight: (C,) weight of positive labels; None: 1.
        label_smoothing: moves labels towards one half.
    """

    def __init__(
        self,
        network: FindingNetwork,
        machine: Machine,
        positive_weight: Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.network, self.machine = network, machine
        self.positive_weight = None if positive_weight is None else positive_weight.to(machine.device)
        self.label_smoothing = label_smoothing

    def __call__(self, batch: Batch) -> Losses:
        """Return the losses of a batch."""
        with mixed_precision(self.machine.device, self.machine.precision):
            output = self.network(self.machine.to_input(batch.films, self.network))
        loss = self.classify(output.logits, batch.labels)
        return Losses(loss, loss.new_zeros(()), loss)

    def classify(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return L_cls of logits (B, C)."""
        target = labels.to(logits.device) * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        return classification_loss(logits, target, self.positive_weight)


def prepare(network: FindingNetwork, frozen_stages: int, freeze_statistics: bool) -> None:
    """Say what a phase trains: set gradients, and train or eval mode, of every part.

    Args:
        network: changed in place.
        frozen_stages: first backbone stages that stay as they are.
        freeze_statistics: of every BatchNorm.
    """
    network.train().requires_grad_(True)
    for stage in backbone_of(network)[:frozen_stages]:
        stage.eval().requires_grad_(False)
    if freeze_statistics:
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


def backbone_of(network: FindingNetwork) -> list[nn.Module]:
    """Return the five stages, whether shared or not."""
    return [*network.trunk, *network.tail.stages]


def train_epoch(step: Step, batches: Iterable[Batch], updater: Updater, watch: Callable[[int], None]) -> EpochMeans:
    """Update the weights once per batch.

    Args:
        step: gives the losses.
        batches: this process's parts.
        updater: changes the weights.
        watch: told the number of films after each batch.

    Raises:
        TrainingError: a loss was not a number.
    """
    classification = knowledge = torch.zeros(())
    films = 0
    for batch in batches:
        losses = step(batch)
        updater.update(losses.total)
        count = len(batch.films)
        classification = classification + losses.classification.detach().cpu() * count
        knowledge = knowledge + losses.knowledge.detach().cpu() * count
        films += count
        watch(count)
    if not torch.isfinite(classification + knowledge):
        raise TrainingError("The loss is no longer a number: lower learning_rate, or give the phase a ramp.")
    if films == 0:
        raise TrainingError("There was no film to train on: none could be read.")
    return EpochMeans(float(classification) / films, float(knowledge) / films, films)


@torch.no_grad()
def predict_logits(network: FindingNetwork, batches: Iterable[Batch], machine: Machine) -> tuple[Tensor, Tensor]:
    """Return logits and labels, float32 (N, C) each, of all films; the network's mode is left as it was."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    logits, labels = [], []
    for batch in batches:
        with mixed_precision(machine.device, machine.precision):
            output = network(machine.to_input(batch.films, network))
        logits.append(output.logits.cpu())
        labels.append(batch.labels)
    for module, mode in modes.items():
        module.training = mode
    width = len(network.spec.findings)
    return torch.cat([torch.zeros(0, width), *logits]), torch.cat([torch.zeros(0, width), *labels])
