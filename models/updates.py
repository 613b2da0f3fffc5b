"""From a loss to changed weights: parameter groups, learning rate, processes, moving average.

Processes are those of ``torchrun``; one process alone needs none of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.errors import TrainingError
from models.network import FindingNetwork
from models.training_spec import PhaseSpec


class Updater:
    """Optimiser of one phase and what goes with it.

    Args:
        network: its parameters that require a gradient are trained.
        spec: of the phase.
        updates: in the whole phase; the learning rate's course is spread over them.
    """

    def __init__(self, network: FindingNetwork, spec: PhaseSpec, updates: int) -> None:
        self.network, self.spec, self.updates, self.done = network, spec, max(updates, 1), 0
        self.optimiser = _optimiser(network, spec)
        self.average = _moving_average(network, spec.ema_decay) if spec.ema_decay else None

    @property
    def kept(self) -> FindingNetwork:
        """The network whose weights count: the moving average where there is one."""
        if self.average is None:
            return self.network
        kept = self.average.module
        assert isinstance(kept, FindingNetwork)
        return kept

    @property
    def learning_rate(self) -> float:
        """Of the next update, for the backbone."""
        return self.spec.learning_rate * course(self.spec, (self.done + 0.5) / self.updates)

    def update(self, loss: Tensor) -> None:
        """Change the weights once, by the loss of this process's part of the batch; all parts are of one size."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.network.parameters())
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate * group["factor"]
        self.optimiser.step()
        self.done += 1
        if self.average is not None:
            self.average.update_parameters(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the network's own weights: tensors, numbers and plain containers only."""
        average = None if self.average is None else self.average.state_dict()
        return {"optimiser": self.optimiser.state_dict(), "average": average, "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up where :meth:`state_dict` was called."""
        self.optimiser.load_state_dict(dict(state["optimiser"]))
        self.done = int(state["done"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])


def course(spec: PhaseSpec, progress: float) -> float:
    """Return the factor of the learning rate at ``progress`` (0 to 1) through a phase."""
    rise = min(1.0, progress / spec.ramp) if spec.ramp else 1.0
    return rise * (0.5 * (1 + math.cos(math.pi * progress)) if spec.schedule == "cosine" else 1.0)


def average_weights(trained: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of networks' weights and statistics, tensor by tensor; whole numbers are those of the first."""
    first = trained[0]
    return {
        name: torch.stack([one[name] for one in trained]).mean(0) if value.is_floating_point() else value
        for name, value in first.items()
    }


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace each gradient by its mean over all processes, in one transfer."""
    if process_count() == 1:
        return
    gradients = [one.grad for one in parameters if one.grad is not None]
    flat = mean_over_processes(torch.cat([one.flatten() for one in gradients]))
    for gradient, mean in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def share_statistics(network: nn.Module) -> None:
    """Replace BatchNorm statistics by their mean over all processes."""
    if process_count() == 1:
        return
    for buffer in network.buffers():
        if buffer.is_floating_point():
            buffer.copy_(mean_over_processes(buffer))


def mean_over_processes(values: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes; with one process the tensor itself."""
    if process_count() == 1:
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / process_count()


def process_count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def process_rank() -> int:
    """Return which of them this is, from 0."""
    return distributed.get_rank() if process_count() > 1 else 0


def _optimiser(network: FindingNetwork, spec: PhaseSpec) -> Optimizer:
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            head = name.startswith(("tail.multiscale.", "tail.branches."))
            groups.setdefault((head, parameter.ndim > 1), []).append(parameter)
    if not groups:
        raise TrainingError("Nothing is left to train: lower frozen_stages.")
    parameters = [
        {
            "params": members,
            "factor": spec.head_factor if head else 1.0,
            "weight_decay": spec.weight_decay if decays else 0.0,
        }
        for (head, decays), members in groups.items()
    ]
    if spec.optimiser == "sgd":
        return SGD(parameters, lr=spec.learning_rate, momentum=spec.momentum)
    return AdamW(parameters, lr=spec.learning_rate, fused=True)


def _moving_average(network: FindingNetwork, decay: float) -> AveragedModel:
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
