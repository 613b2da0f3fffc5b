"""The loops of training, updates and mining steps on a tiny network."""

import copy

import pytest
import torch
from torch import Tensor

from models.errors import TrainingError
from models.iam import IAM
from models.mining_step import MiningStep, copy_network
from models.network import FindingNetwork
from models.spec import MiningSpec, NetworkSpec
from models.training import Batch, ClassifierStep, Losses, Machine, predict_logits, prepare, train_epoch
from models.training_spec import MiningPhaseSpec, PhaseSpec
from models.updates import Updater, course

SPEC = NetworkSpec(
    backbone="lcnet_050", input_hw=(64, 96), in_channels=1, deep_channels=8, shallow_channels=8, iterations=3
)
MACHINE = Machine(torch.device("cpu"))
ADAM = {"optimiser": "adamw", "learning_rate": 1e-2}


@pytest.fixture
def network() -> FindingNetwork:
    torch.manual_seed(0)
    network = FindingNetwork(SPEC)
    with torch.no_grad():
        network.train()(torch.rand(8, 1, 64, 96))  # statistics of real batches
    return network


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    films = torch.randint(0, 256, (8, 64, 96), dtype=torch.uint8, generator=generator)
    return Batch(films, torch.randint(0, 2, (8, 14), generator=generator).float(), mined=2)


def mining_step(network: FindingNetwork, iteration: int = 2, **values: object) -> MiningStep:
    spec = MiningPhaseSpec.model_validate({**ADAM, **values})
    networks = [copy_network(network) for _ in range(iteration)]
    model = IAM.from_networks(networks, MiningSpec(stop_when_negative=False)).eval()
    prepare(networks[-1], 4, freeze_statistics=True)
    return MiningStep(model, copy_network(networks[-1]), spec, ClassifierStep(networks[-1], MACHINE), 4)


def state(network: FindingNetwork) -> dict[str, Tensor]:
    return copy.deepcopy(network.state_dict())


def changed(before: dict[str, Tensor], network: FindingNetwork) -> set[str]:
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def test_training_lowers_the_loss(network: FindingNetwork, batch: Batch) -> None:
    spec = PhaseSpec.model_validate(ADAM)
    prepare(network, 0, freeze_statistics=False)
    updater, step, seen = Updater(network, spec, 10), ClassifierStep(network, MACHINE), []
    first = train_epoch(step, [batch], updater, seen.append)
    last = train_epoch(step, [batch] * 9, updater, seen.append)
    assert last.classification < first.classification
    assert (first.films, sum(seen), first.knowledge_ratio) == (8, 80, 0)


def test_frozen_stages_keep_weights_and_statistics(network: FindingNetwork, batch: Batch) -> None:
    before = state(network)
    prepare(network, 5, freeze_statistics=False)
    train_epoch(ClassifierStep(network, MACHINE), [batch], Updater(network, PhaseSpec(), 1), lambda _: None)
    names = changed(before, network)
    assert names and all(name.startswith(("tail.multiscale.", "tail.branches.")) for name in names)
    assert any("running_mean" in name for name in names)


def test_frozen_statistics_stay_while_weights_move(network: FindingNetwork, batch: Batch) -> None:
    before = state(network)
    prepare(network, 0, freeze_statistics=True)
    train_epoch(ClassifierStep(network, MACHINE), [batch], Updater(network, PhaseSpec(), 1), lambda _: None)
    names = changed(before, network)
    assert any(name.startswith("trunk.") for name in names)
    assert not any("running_" in name or "num_batches" in name for name in names)


def test_a_loss_that_is_no_number_ends_training(network: FindingNetwork, batch: Batch) -> None:
    def step(batch: Batch) -> Losses:
        losses = ClassifierStep(network, MACHINE)(batch)
        return losses._replace(classification=losses.classification * float("nan"))

    with pytest.raises(TrainingError, match="no longer a number"):
        train_epoch(step, [batch], Updater(network, PhaseSpec(), 1), lambda _: None)
    with pytest.raises(TrainingError, match="no film"):
        train_epoch(step, [], Updater(network, PhaseSpec(), 1), lambda _: None)


def test_rare_findings_can_weigh_more_and_labels_be_smoothed(network: FindingNetwork) -> None:
    logits, labels = torch.zeros(1, 14), torch.ones(1, 14)
    plain = ClassifierStep(network, MACHINE)
    assert ClassifierStep(network, MACHINE, torch.full((14,), 3.0)).classify(logits, labels) == pytest.approx(
        3 * plain.classify(logits, labels)
    )
    smoothed = ClassifierStep(network, MACHINE, label_smoothing=0.2)
    assert smoothed.classify(logits + 9, labels) == pytest.approx(float(plain.classify(logits + 9, labels - 0.1)))


def test_prediction_leaves_the_mode_and_runs_in_eval(network: FindingNetwork, batch: Batch) -> None:
    prepare(network, 3, freeze_statistics=False)
    modes, before = [one.training for one in network.modules()], state(network)
    logits, labels = predict_logits(network, [batch, batch], MACHINE)
    assert [one.training for one in network.modules()] == modes
    assert not changed(before, network)
    assert logits.shape == labels.shape == (16, 14) and torch.equal(logits[:8], logits[8:])
    assert predict_logits(network, [], MACHINE)[0].shape == (0, 14)


def test_the_learning_rate_rises_then_falls() -> None:
    spec = PhaseSpec(schedule="cosine", ramp=0.25)
    factors = [course(spec, step / 20) for step in range(21)]
    assert factors[0] == 0 and factors[-1] == pytest.approx(0)
    assert max(factors) == max(factors[5:7]) and factors[6:] == sorted(factors[6:], reverse=True)
    assert course(PhaseSpec(), 0.99) == 1


def test_the_head_can_learn_faster_and_biases_do_not_decay(network: FindingNetwork) -> None:
    updater = Updater(network, PhaseSpec(head_factor=5, weight_decay=0.1, learning_rate=0.1), 1)
    groups = {(group["factor"], group["weight_decay"]) for group in updater.optimiser.param_groups}
    assert groups == {(1, 0.1), (1, 0), (5, 0.1), (5, 0)}


def test_everything_frozen_is_an_error(network: FindingNetwork) -> None:
    network.requires_grad_(False)
    with pytest.raises(TrainingError, match="lower frozen_stages"):
        Updater(network, PhaseSpec(), 1)


def test_the_moving_average_lags_behind(network: FindingNetwork, batch: Batch) -> None:
    prepare(network, 0, freeze_statistics=False)
    updater = Updater(network, PhaseSpec.model_validate(ADAM | {"ema_decay": 0.5}), 3)
    before = state(network)
    train_epoch(ClassifierStep(network, MACHINE), [batch] * 3, updater, lambda _: None)
    assert updater.kept is not network
    name = "tail.branches.weight"
    moved, kept = network.state_dict()[name], updater.kept.state_dict()[name]
    assert not torch.equal(kept, moved) and not torch.equal(kept, before[name])


def test_nothing_is_lost_before_the_first_update(network: FindingNetwork, batch: Batch) -> None:
    step = mining_step(network)
    losses = step(batch)
    assert losses.knowledge == 0 and losses.total == losses.classification


def test_mining_changes_what_the_mined_films_cost(network: FindingNetwork, batch: Batch) -> None:
    masked, plain = mining_step(network, erase_negatives=True), mining_step(network, iteration=1)
    assert masked(batch).classification != plain(batch).classification
    with torch.no_grad():
        first = masked._keep(MACHINE.to_input(batch.films, network), batch.labels, 2)
    assert first is not None and not first[:2].all() and first[2:].all()


def test_findings_that_are_absent_are_not_erased_unless_asked(network: FindingNetwork, batch: Batch) -> None:
    images = MACHINE.to_input(batch.films, network)
    keep = mining_step(network)._keep(images, batch.labels, 2)
    assert keep is not None
    whole = keep[:2].all(-1).all(-1)
    assert whole[batch.labels[:2] == 0].all() and not whole[batch.labels[:2] == 1].any()


def test_a_mining_step_moves_only_the_last_tail(network: FindingNetwork, batch: Batch) -> None:
    step = mining_step(network)
    before = copy.deepcopy(step.model.state_dict())
    updater = Updater(step.network, step.spec, 3)
    means = train_epoch(step, [batch] * 3, updater, lambda _: None)
    names = {name for name, value in step.model.state_dict().items() if not torch.equal(value, before[name])}
    assert names and all(name.startswith("tails.1.") for name in names)
    assert not any("running_" in name for name in names)
    assert means.knowledge > 0


def test_vanilla_and_none_have_no_knowledge_term(network: FindingNetwork, batch: Batch) -> None:
    for knowledge in ("vanilla", "none"):
        step = mining_step(network, knowledge=knowledge)
        means = train_epoch(step, [batch] * 2, Updater(step.network, step.spec, 2), lambda _: None)
        assert means.knowledge == 0
    first = mining_step(network, iteration=1, first_step="vanilla")
    assert first.knowledge == "vanilla" and mining_step(network).knowledge == "full"


def test_lambda_is_measured_then_kept(network: FindingNetwork, batch: Batch) -> None:
    step = mining_step(network, knowledge_ratio=0.7)
    updater = Updater(step.network, step.spec, 8)
    weights = []
    for _ in range(8):
        weights.append(step.weight)
        updater.update(step(batch).total)
    assert weights[:4] == [0] * 4
    assert weights[4] > 0 and weights[4:] == [weights[4]] * 4
    other = mining_step(network, knowledge_ratio=0.7)
    other.load_state_dict(step.state_dict())
    assert other.weight == weights[4]
