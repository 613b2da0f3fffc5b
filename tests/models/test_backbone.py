"""Stages of every backbone that training offers."""

import pytest
import timm
import torch

from models.backbone import backbone_stages
from models.errors import SettingsError

BACKBONES = ("resnet50", "resnet18", "densenet121", "tf_efficientnet_lite0", "mobilenetv3_small_050", "lcnet_050")


@pytest.mark.parametrize("name", BACKBONES)
def test_stages_halve_the_image_five_times_and_equal_the_whole_network(name: str) -> None:
    stages, channels = backbone_stages(name, in_channels=1)
    whole = timm.create_model(name, pretrained=False, in_chans=1, features_only=True)
    torch.manual_seed(7)
    for one, other in zip(stages.parameters(), whole.parameters(), strict=True):
        other.data.copy_(one.data)
    stages.eval(), whole.eval()
    features = torch.randn(1, 1, 64, 96)
    with torch.inference_mode():
        for stage, expected, depth in zip(stages, whole(features), channels, strict=True):
            features = stage(features)
            assert features.shape == expected.shape
            assert features.shape[1] == depth
            torch.testing.assert_close(features, expected)
    assert features.shape[-2:] == (2, 3)


def test_unknown_name_says_which_are_near() -> None:
    with pytest.raises(SettingsError, match="resnet50"):
        backbone_stages("resnet5O", in_channels=3)


@pytest.mark.parametrize("name", ["convnext_atto", "vit_tiny_patch16_224"])
def test_networks_without_the_five_strides_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="strides"):
        backbone_stages(name, in_channels=3)
