"""Backbones cut into five stages, so that N_1 .. N_T can share the first ones and mine on the last.

Source: Cai et al., MICCAI 2018, sec. 2.3 (ResNet-50); any timm network with outputs at stride 2 to 32 serves.
"""

from collections import OrderedDict
from difflib import get_close_matches

import timm
from timm.models import FeatureListNet
from torch import nn

from models.errors import SettingsError

STAGE_STRIDES = (2, 4, 8, 16, 32)
"""Input pixels per cell after each stage."""


def backbone_stages(name: str, in_channels: int) -> tuple[nn.ModuleList, tuple[int, ...]]:
    """Build a randomly initialised backbone, cut behind each change of stride.

    Args:
        name: timm name, for example ``"resnet50"``.
        in_channels: of the input image.

    Returns:
        Five ``nn.Sequential`` stages of stride 2, 4, 8, 16, 32 (each takes the output of the one before), and
        their channels.

    Raises:
        SettingsError: timm does not know the name, or the network has no output at one of these strides.
    """
    listed = _list_features(name, in_channels)
    stages, parts = nn.ModuleList(), OrderedDict[str, nn.Module]()
    for part, module in listed.items():
        parts[part] = module
        if part in listed.return_layers:
            stages.append(nn.Sequential(parts))
            parts = OrderedDict()
    return stages, tuple(listed.feature_info.channels())


def _list_features(name: str, in_channels: int) -> FeatureListNet:
    """Return timm's network, its head removed, its modules in the order in which they are applied."""
    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "List the names with `timm.list_models()`."
        raise SettingsError(f"Unknown backbone {name!r}. {hint}")
    network = timm.create_model(name, pretrained=False, in_chans=in_channels)
    levels = list(getattr(network, "feature_info", ()))
    strides = tuple(level["reduction"] for level in levels)
    if strides != STAGE_STRIDES:
        raise SettingsError(
            f"Backbone {name!r} has outputs at strides {strides}, but {STAGE_STRIDES} are needed. "
            "Choose for example resnet50, densenet121 or tf_efficientnet_lite0."
        )
    nested = any("." in level["module"] for level in levels)
    return FeatureListNet(network, out_indices=tuple(range(len(STAGE_STRIDES))), flatten_sequential=nested)
