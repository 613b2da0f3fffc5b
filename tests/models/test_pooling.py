"""Pooling by bits gives what pooling by values gives, and stands only where features are 0 and more."""

from typing import Any

import pytest
import torch
from torch import nn

from models.fused import fuse
from models.iam import IAM
from models.pooling import NonNegativeMaxPool, is_known
from models.spec import MiningSpec, NetworkSpec


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("hw", [(2, 2), (8, 6), (34, 128), (7, 8)])
def test_values_are_those_of_torch(hw: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    features = torch.randn(3, 5, *hw).relu().to(dtype).contiguous(memory_format=torch.channels_last)
    features[0, 0, 0, 0], features[1] = torch.inf, 0.0
    pooling = nn.MaxPool2d(3, 2, 1)
    found = NonNegativeMaxPool(pooling)(features)
    torch.testing.assert_close(found, pooling(features), rtol=0, atol=0)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("other", [{"kernel_size": 2}, {"padding": 0}, {"dilation": 2}, {"ceil_mode": True}])
def test_other_poolings_are_not_taken_for_it(other: dict[str, Any]) -> None:
    known: dict[str, Any] = {"kernel_size": 3, "stride": 2, "padding": 1}
    assert is_known(nn.MaxPool2d(**known))
    assert not is_known(nn.MaxPool2d(**(known | other)))
    assert not is_known(nn.AvgPool2d(3, 2, 1))


@pytest.mark.parametrize(("backbone", "there"), [("resnet18", True), ("lcnet_050", False)])
def test_it_stands_behind_an_activation(backbone: str, there: bool) -> None:
    spec = NetworkSpec(backbone=backbone, findings=("Mass",), deep_channels=8, shallow_channels=4, input_hw=(64, 64))
    fused = fuse(IAM(spec, MiningSpec()).eval(), torch.bfloat16)
    assert any(isinstance(layer, NonNegativeMaxPool) for layer in fused.modules()) is there


def test_it_does_not_stand_behind_features_of_both_signs() -> None:
    spec = NetworkSpec(backbone="resnet18", findings=("Mass",), deep_channels=8, shallow_channels=4, input_hw=(64, 64))
    model = IAM(spec, MiningSpec())
    model.trunk[0].act1 = nn.Identity()
    fused = fuse(model.eval(), torch.bfloat16)
    assert not any(isinstance(layer, NonNegativeMaxPool) for layer in fused.modules())
