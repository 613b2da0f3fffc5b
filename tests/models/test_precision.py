"""bfloat16 convolutions: what comes out is what autocast gives, gradients are right, and nothing else changes."""

import pytest
import torch
from torch import nn

from models.precision import mixed_precision, spare_copies

CPU = torch.device("cpu")


def depthwise(stride: int = 1, padding: int = 1, kernel: int = 3) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(6, 6, kernel, stride, padding, groups=6, bias=False)


@pytest.mark.parametrize(("stride", "padding", "kernel"), [(1, 1, 3), (2, 1, 3), (2, 0, 5)])
def test_depthwise_outputs_are_autocasts_and_gradients_are_float32s(stride: int, padding: int, kernel: int) -> None:
    layer = depthwise(stride, padding, kernel)
    images = torch.randn(2, 6, 12, 17, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        expected = layer(images)
    with mixed_precision(CPU, "bf16"):
        given = layer(images)
    assert given.dtype == torch.bfloat16
    assert torch.equal(given, expected)
    given.float().square().mean().backward()
    assert layer.weight.grad is not None and images.grad is not None
    found = layer.weight.grad.clone(), images.grad.clone()
    layer.weight.grad = images.grad = None
    layer(images).square().mean().backward()
    for one, reference in zip(found, (layer.weight.grad, images.grad), strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, reference, rtol=0.05, atol=0.05 * float(reference.abs().max()))


def test_the_first_layer_needs_no_gradient_of_the_film() -> None:
    layer = depthwise()
    with mixed_precision(CPU, "bf16"):
        layer(torch.randn(1, 6, 8, 9)).float().sum().backward()
    assert layer.weight.grad is not None


def test_other_convolutions_go_where_they_went() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(8, 4, 1, padding="same"))
    images = torch.randn(1, 3, 10, 13)
    with torch.autocast("cpu", torch.bfloat16):
        expected = layers(images)
    with mixed_precision(CPU, "bf16"):
        assert torch.equal(layers(images), expected)


def test_float32_is_left_alone() -> None:
    layer, images = depthwise(), torch.randn(1, 6, 8, 9)
    with mixed_precision(CPU, "fp32"):
        assert torch.equal(layer(images), layer(images)) and layer(images).dtype == torch.float32


def test_a_relu6_that_makes_a_new_tensor_gives_the_same() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU6(inplace=True))
    images = 50 * torch.randn(1, 1, 7, 9)
    expected = network(images)
    spare_copies(network)
    activation = network[1]
    assert isinstance(activation, nn.ReLU6) and not activation.inplace
    assert torch.equal(network(images), expected)
