"""A fused network computes what the plain one does, on every path, and leaves alone what it does not know."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.fused import FusedConvolution, fuse, fuse_stage
from models.iam import IAM, to_input
from models.spec import MiningSpec, NetworkSpec

CHANNELS_LAST = torch.channels_last


def films(network: NetworkSpec, count: int = 4) -> Tensor:
    torch.manual_seed(3)
    images = to_input(torch.randint(0, 256, (count, *network.input_hw), dtype=torch.uint8), network)
    return images.contiguous(memory_format=CHANNELS_LAST)


def random_model(**settings: Any) -> IAM:
    """Statistics of real batches, scales and shifts that are not one and zero."""
    small = {"findings": ("Mass", "Nodule"), "deep_channels": 8, "shallow_channels": 4, "input_hw": (64, 96)}
    torch.manual_seed(5)
    model = IAM(NetworkSpec(**(small | settings)), MiningSpec())
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
    with torch.no_grad():
        model(films(model.spec, 8))
    return model.eval()


def assert_same_maps(model: IAM, fused: IAM, count: int = 4) -> None:
    with torch.inference_mode():
        expected, found = model(films(model.spec, count)), fused(films(fused.spec, count))
    scale = expected.attention.abs().max()
    assert (found.keep == expected.keep).float().mean() > 0.99
    torch.testing.assert_close(found.attention[0], expected.attention[0], rtol=1e-3, atol=1e-4 * float(scale))
    torch.testing.assert_close(found.logits[0], expected.logits[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("backbone", "shared_stages"),
    [("resnet18", 4), ("lcnet_050", 0), ("lcnet_050", 4), ("tf_efficientnet_lite0", 4), ("mobilenetv3_small_050", 5)],
)
def test_maps_are_those_of_the_plain_network(backbone: str, shared_stages: int) -> None:
    model = random_model(backbone=backbone, shared_stages=shared_stages, iterations=2)
    fused = fuse(model, torch.float32)
    assert fused.spec.in_channels == 1
    assert_same_maps(model, fused)


@pytest.mark.parametrize("norm", ["none", "batch_norm_relu"])
@pytest.mark.parametrize("multiscale", [True, False])
def test_both_scales_are_fused_or_the_last_stage_alone(multiscale: bool, norm: Any) -> None:
    model = random_model(backbone="lcnet_050", multiscale=multiscale, multiscale_norm=norm)
    assert_same_maps(model, fuse(model, torch.float32))


def test_where_one_dnn_is_missing_the_steps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(backbone="resnet18")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert_same_maps(model, fuse(model, torch.float32))


def test_no_batch_norm_is_left_and_the_model_is_as_it_was() -> None:
    model = random_model(backbone="resnet18")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fused = fuse(model, torch.bfloat16)
    kinds = {type(layer) for layer in fused.modules()}
    assert FusedConvolution in kinds
    assert not kinds & {nn.BatchNorm2d, nn.Conv2d}
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_another_batch_shape_may_follow() -> None:
    model = random_model(backbone="resnet18")
    fused = fuse(model, torch.float32)
    for count in (4, 1, 3):
        assert_same_maps(model, fused, count)


def test_bfloat16_gives_float32_maps_close_to_the_plain_ones() -> None:
    model = random_model(backbone="resnet18")
    with torch.inference_mode():
        exact = model(films(model.spec))
        with torch.autocast("cpu", torch.bfloat16):
            fused = fuse(model, torch.bfloat16)
            rough = fused(films(fused.spec))
    assert rough.attention.dtype == rough.logits.dtype == torch.float32
    assert (rough.attention[0] - exact.attention[0]).norm() < 0.05 * exact.attention[0].norm()


class Undecided(nn.Module):
    """What a tracer cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.convolution(images) if images.mean() > 0 else images


def test_a_stage_that_cannot_be_traced_stays_as_it_is() -> None:
    stage = Undecided()
    assert fuse_stage(stage) is stage


def test_what_is_used_twice_is_not_taken_in() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.act = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()

        def forward(self, images: Tensor) -> Tensor:
            features = self.first(images)
            return self.act(self.norm(features)) + features

    torch.manual_seed(0)
    stage, images = Twice().eval(), torch.randn(2, 1, 8, 9)
    nn.init.normal_(stage.norm.bias)
    with torch.no_grad():
        torch.testing.assert_close(fuse_stage(stage)(images), stage(images))
