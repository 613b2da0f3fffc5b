"""The phases of the paper, one after the other.

Source: Cai et al., MICCAI 2018, sec. 3.1: classifier; multi-scale aggregation with everything below it fixed; end to
end; attention mining steps t = 1 .. T, each network starting from the one before.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harvest.training.batches import Composition
from harvest.training.config import TrainConfig
from harvest.training.phases import Phase, Workshop, run_phase, save_weights
from models.checkpoint import own_memory
from models.iam import IAM
from models.mining_step import MiningStep, copy_network
from models.network import FindingNetwork
from models.precision import spare_copies
from models.pretrained import initialise, load_portable, portable_weights
from models.training import ClassifierStep, Machine
from models.training_spec import PhaseSpec
from models.updates import average_weights

BEFORE_MINING = ("classifier", "warm_up", "end_to_end")
"""Phases that train the base network, in order."""


def train_base(config: TrainConfig, workshop: Workshop) -> FindingNetwork:
    """Train the network that all mining steps start from: classifier, warm-up, end to end."""
    torch.manual_seed(config.seed)
    network = _place(FindingNetwork(config.network), workshop.machine)
    if config.classifier.epochs:
        plain = FindingNetwork(config.network.model_copy(update={"multiscale": False}))
        initialise(plain, config.init)
        _train_plainly("classifier", config.classifier, _place(plain, workshop.machine), workshop, config)
        load_portable(network, portable_weights(plain))
    else:
        initialise(network, config.init)
    if config.network.multiscale:
        fixed = config.warm_up.model_copy(update={"frozen_stages": 5})
        _train_plainly("warm_up", fixed, network, workshop, config)
    _train_end_to_end(network, workshop, config)
    return network


def load_base(path: Path, config: TrainConfig, machine: Machine) -> FindingNetwork:
    """Return a base network that was trained before (``end_to_end.safetensors`` of a work directory)."""
    network = FindingNetwork(config.network)
    initialise(network, str(path))
    return _place(network, machine)


def mine(base: FindingNetwork, config: TrainConfig, workshop: Workshop) -> IAM:
    """Train N_1 .. N_T from a base network; without epochs the base network alone is N_1, and T = 1.

    Args:
        base: not changed.
        config: all settings.
        workshop: films, machine, directory.

    Returns:
        The model, in eval mode.
    """
    spec = config.attention_mining
    networks: list[FindingNetwork] = []
    for iteration in range(1, (config.network.iterations if spec.epochs else 1) + 1):
        networks.append(copy_network(networks[-1] if networks else base))
        if spec.epochs and not (iteration == 1 and spec.first_step == "skip"):
            _train_mining(networks, base, config, workshop)
    return IAM.from_networks(networks, config.mining, config.boxes.merge).eval()


def _train_mining(
    networks: list[FindingNetwork], base: FindingNetwork, config: TrainConfig, workshop: Workshop
) -> None:
    """Train the last of N_1 .. N_t, which starts as a copy of the one before."""
    spec, iteration, network = config.attention_mining, len(networks), networks[-1]
    model = IAM.from_networks(networks, config.mining, config.boxes.merge).eval()
    before = copy_network(base if spec.knowledge_reference == "base" else network)
    share = max(1, round(spec.mined_share * spec.batch_size))
    composition = Composition(len(workshop.train), spec.batch_size, workshop.to_mine, share, spec.batches)
    calibration = round(spec.knowledge_calibration * spec.epochs * composition.batch_count)
    plain = _classifier(network, spec, workshop, config)
    phase = Phase(
        name=f"mining_{iteration}",
        number=len(BEFORE_MINING) + iteration - 1,
        spec=spec,
        composition=composition,
        step=MiningStep(model, before, spec, plain, calibration),
        frozen_stages=max(spec.frozen_stages, config.network.shared_stages),
        freeze_statistics=True,
    )
    run_phase(phase, workshop)
    network.eval()


def _train_end_to_end(network: FindingNetwork, workshop: Workshop, config: TrainConfig) -> None:
    """Train end to end, as often as the settings say, each time from the same weights; the network gets their mean."""
    spec = config.end_to_end
    if spec.members == 1:
        _train_plainly("end_to_end", spec, network, workshop, config)
        return
    start, trained = own_memory(network.state_dict()), []
    for member in range(1, spec.members + 1):
        network.load_state_dict(start)
        _train_plainly(f"end_to_end_{member}", spec, network, workshop, config)
        trained.append(own_memory(network.state_dict()))
    network.load_state_dict(average_weights(trained))
    save_weights("end_to_end", network, workshop.work)


def _train_plainly(
    name: str, spec: PhaseSpec, network: FindingNetwork, workshop: Workshop, config: TrainConfig
) -> None:
    """Run a phase before mining, unless it has no epochs; a number behind its name is that of the training."""
    if spec.epochs:
        phase = Phase(
            name=name,
            number=_number(name),
            spec=spec,
            composition=Composition(len(workshop.train), spec.batch_size),
            step=_classifier(network, spec, workshop, config),
            frozen_stages=spec.frozen_stages,
            freeze_statistics=spec.batch_norm == "frozen",
        )
        run_phase(phase, workshop)


def _number(name: str) -> int:
    """Return a number that no other phase has; 0 to 2 for those before mining, where each is trained once."""
    phase, _, member = name.rpartition("_")
    return BEFORE_MINING.index(phase) + 100 * int(member) if member.isdigit() else BEFORE_MINING.index(name)


def _classifier(network: FindingNetwork, spec: PhaseSpec, workshop: Workshop, config: TrainConfig) -> ClassifierStep:
    return ClassifierStep(network, workshop.machine, _positive_weight(config, workshop), spec.label_smoothing)


def _positive_weight(config: TrainConfig, workshop: Workshop) -> Tensor | None:
    """Return (C,) films without divided by films with each finding, limited; None where labels count alike."""
    if config.data.positive_weight == "none":
        return None
    labels = workshop.train.films.labels
    positives = labels.sum(axis=0)
    weight = (len(labels) - positives) / np.maximum(positives, 1)
    return torch.from_numpy(np.clip(weight, 1, config.data.positive_weight_limit).astype(np.float32))


def _place(network: FindingNetwork, machine: Machine) -> FindingNetwork:
    spare_copies(network)
    return network.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
