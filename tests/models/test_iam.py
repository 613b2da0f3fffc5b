"""The T networks together: shapes, sharing, masks on the way, collapse."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from models.attention_mining import erase_component
from models.errors import SettingsError
from models.iam import IAM, FindingNetwork, to_input
from models.spec import MiningSpec, NetworkSpec

TWO = ("Mass", "Nodule")


def spec(**settings: Any) -> NetworkSpec:
    small = {"backbone": "lcnet_050", "findings": TWO, "deep_channels": 8, "shallow_channels": 4, "input_hw": (64, 96)}
    return NetworkSpec(**(small | settings))


def films(network: NetworkSpec, count: int = 3) -> Tensor:
    torch.manual_seed(11)
    return to_input(torch.randint(0, 256, (count, *network.input_hw), dtype=torch.uint8), network)


def random_model(network: NetworkSpec, mining: MiningSpec | None = None, merge: Any = "normalised") -> IAM:
    """Tails that differ, with features that are not all near zero."""
    torch.manual_seed(5)
    model = IAM(network, mining or MiningSpec(), merge)
    for tail in model.tails:
        tail.branches.weight.data = torch.randn_like(tail.branches.weight)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model(films(network, 8))
    return model.eval()


@pytest.mark.parametrize(
    "backbone", ["resnet50", "resnet18", "densenet121", "tf_efficientnet_lite0", "mobilenetv3_small_050"]
)
def test_every_backbone_gives_maps_at_stride_sixteen(backbone: str) -> None:
    network = spec(backbone=backbone, iterations=2)
    with torch.inference_mode():
        output = IAM(network, MiningSpec()).eval()(films(network, 2))
    assert output.logits.shape == (2, 2, 2)
    assert output.attention.shape == output.keep.shape == (2, 2, 2, 4, 6)
    assert output.merged.shape == (2, 2, 4, 6)


@pytest.mark.parametrize("shared_stages", range(6))
@pytest.mark.parametrize("multiscale", [True, False])
def test_one_trunk_equals_separate_networks(shared_stages: int, multiscale: bool) -> None:
    network = spec(shared_stages=shared_stages, multiscale=multiscale)
    model = random_model(network)
    images = films(network)
    keep = None
    with torch.inference_mode():
        output = model(images)
        for iteration in (1, 2, 3):
            alone = copy.deepcopy(model.network(iteration))(images, keep)
            torch.testing.assert_close(output.logits[iteration - 1], alone.logits)
            visible = torch.ones_like(alone.cams).bool() if keep is None else keep
            assert torch.equal(output.keep[iteration - 1], visible)
            torch.testing.assert_close(output.attention[iteration - 1], alone.cams * visible)
            keep = erase_component(output.attention[iteration - 1], visible, model.mining)
    assert output.keep.shape[-2:] == ((4, 6) if multiscale else (2, 3))


def test_masks_shrink_and_mask_before_is_what_the_iteration_sees() -> None:
    network = spec()
    model = random_model(network)
    with torch.inference_mode():
        output = model(films(network))
    assert output.keep[0].all()
    assert not (output.keep[1:] & ~output.keep[:-1]).any()
    assert (output.keep[1].sum((-2, -1)) < 24).any()
    assert ((output.merged >= 0) & (output.merged <= 1)).all()
    assert model.mask_before(films(network), 1) is None
    for iteration in (2, 3):
        mask = model.mask_before(films(network), iteration)
        assert mask is not None
        assert torch.equal(mask, output.keep[iteration - 1])


@pytest.mark.parametrize("activation", ["none", "sigmoid"])
def test_equal_weights_and_raw_maps_collapse_to_plain_cam(activation: Any) -> None:
    network = spec()
    model = random_model(network, MiningSpec(activation=activation), "raw")
    model.start_from_previous(2)
    model.start_from_previous(3)
    with torch.inference_mode():
        output = model(films(network))
    assert not output.keep[2].all()
    torch.testing.assert_close(output.merged, output.attention[0], rtol=1e-5, atol=1e-6)


def test_sigmoid_activation_mines_where_map_plus_bias_is_positive() -> None:
    network = spec(iterations=2)
    model = random_model(network, MiningSpec(activation="sigmoid"))
    for tail in model.tails:
        tail.branches.bias.data = torch.tensor([-100.0, 5.0])
    with torch.inference_mode():
        keep = model(films(network)).keep[1]
    assert keep[:, 0].all()
    assert (keep[:, 1].sum((-2, -1)) < 24).all()


def test_new_iterations_start_equal_and_a_view_trains_in_place() -> None:
    model = IAM(spec(), MiningSpec())
    assert torch.equal(model.network(1).tail.branches.weight, model.network(3).tail.branches.weight)
    model.network(2).tail.branches.weight.data.fill_(7)
    assert (model.state_dict()["tails.1.branches.weight"] == 7).all()
    assert not (model.state_dict()["tails.0.branches.weight"] == 7).any()
    model.start_from_previous(3)
    assert (model.state_dict()["tails.2.branches.weight"] == 7).all()


@pytest.mark.parametrize("iteration", [0, 4])
def test_an_iteration_that_does_not_exist_is_refused(iteration: int) -> None:
    with pytest.raises(SettingsError, match="1 to 3"):
        IAM(spec(), MiningSpec()).network(iteration)


def test_networks_are_put_together_only_over_one_trunk() -> None:
    one, other = FindingNetwork(spec()), FindingNetwork(spec())
    with pytest.raises(SettingsError, match="shared_stages"):
        IAM.from_networks([one, other], MiningSpec())
    with pytest.raises(SettingsError, match="at least one"):
        IAM.from_networks([], MiningSpec())
    other.trunk.load_state_dict(one.trunk.state_dict())
    model = IAM.from_networks([one, other], MiningSpec())
    assert model.spec.iterations == 2
    assert model.state_dict().keys() == IAM(model.spec, MiningSpec()).state_dict().keys()


def test_points_of_knowledge_preservation_are_averages_over_the_grid() -> None:
    network = spec(backbone="resnet18")
    output = FindingNetwork(network).eval()(films(network))
    shapes = {name: tuple(point.shape) for name, point in output.points.items()}
    assert shapes == {"stage3": (3, 256), "stage4": (3, 512), "multiscale": (3, 12), "logits": (3, 2)}
    assert output.points["logits"] is output.logits


def test_erased_maps_train_every_parameter_of_the_tail() -> None:
    network = spec()
    one = FindingNetwork(network)
    keep = torch.rand(3, 2, 4, 6) < 0.5
    one(films(network), keep).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in one.parameters())


def test_maps_are_float32_and_close_under_bf16() -> None:
    network = spec()
    model, images = random_model(network), films(network)
    with torch.inference_mode():
        exact = model(images)
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(images)
    assert rough.attention.dtype == rough.logits.dtype == rough.merged.dtype == torch.float32
    assert rough.keep.dtype == torch.bool
    assert (rough.attention[0] - exact.attention[0]).norm() < 0.15 * exact.attention[0].norm()


def test_input_is_scaled_and_repeated() -> None:
    network = spec(in_channels=3, mean=0.5, std=0.25)
    made = to_input(torch.tensor([[[0, 255]]], dtype=torch.uint8), network)
    assert made.tolist() == [[[[-2.0, 2.0]]] * 3]
    assert to_input(torch.zeros(2, 4, 6, dtype=torch.uint8), spec(in_channels=1)).shape == (2, 1, 4, 6)
