"""Bundles: there and back, and what each refusal tells."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.bundle import Bundle, convert_weights, load_bundle, round_weights, save_bundle
from models.bundle_files import find_bundle, read_bundle_spec, shipped_bundles
from models.errors import BundleError, PickleRefusedError
from models.iam import IAM, FindingNetwork, to_input
from models.spec import BundleSpec


def edit_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def copied(tiny_bundle_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle_path, tmp_path / "copied"))


def test_saved_and_loaded_bundles_give_equal_outputs_and_digests(tiny_bundle_path: Path, tmp_path: Path) -> None:
    tiny_bundle = load_bundle(
        tiny_bundle_path
    )  # not the shared one: a memory format that others chose rounds otherwise
    digest = save_bundle(tmp_path / "again", tiny_bundle.model, tiny_bundle.spec, "# card")
    again = load_bundle(str(tmp_path / "again"))
    images = to_input(torch.randint(0, 256, (2, 96, 128), dtype=torch.uint8), again.spec.network)
    with torch.inference_mode():
        one, other = tiny_bundle.model(images), again.model(images)
    assert torch.equal(one.attention, other.attention)
    assert torch.equal(one.merged, other.merged)
    assert not again.model.training
    assert again.spec == tiny_bundle.spec
    assert digest == again.digest == tiny_bundle.digest
    assert {path.name for path in (tmp_path / "again").iterdir()} == {
        "bundle.json",
        "weights.safetensors",
        "MODEL_CARD.md",
    }


def test_half_precision_halves_the_file_and_what_was_rounded_comes_back(tiny_bundle: Bundle, tmp_path: Path) -> None:
    model = copy.deepcopy(tiny_bundle.model)
    round_weights(model, "float16")
    half = tiny_bundle.spec.model_copy(update={"weights": "float16"})
    save_bundle(tmp_path / "whole", model, tiny_bundle.spec, "# card")
    save_bundle(tmp_path / "half", model, half, "# card")
    again = load_bundle(tmp_path / "half")
    assert all(torch.equal(value, again.model.state_dict()[name]) for name, value in model.state_dict().items())
    assert {value.dtype for value in again.model.parameters()} == {torch.float32}
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.7 * sizes[1]


def test_saving_over_a_bundle_replaces_it_and_leaves_other_files(copied: Path, tiny_bundle: Bundle) -> None:
    (copied / "metrics.json").write_text("{}")
    newer = tiny_bundle.spec.model_copy(update={"version": "2"})
    assert save_bundle(copied, tiny_bundle.model, newer, "# card") != tiny_bundle.digest
    assert load_bundle(copied).spec.version == "2"
    assert (copied / "metrics.json").is_file()


def test_digest_follows_content_not_layout(copied: Path, tiny_bundle: Bundle) -> None:
    text = json.loads((copied / "bundle.json").read_text())
    (copied / "bundle.json").write_text(json.dumps(dict(reversed(text.items()))))
    assert read_bundle_spec(copied) == (tiny_bundle.spec, tiny_bundle.digest)
    edit_json(copied / "bundle.json", gate_source="by hand")
    assert read_bundle_spec(copied)[1] != tiny_bundle.digest


def test_reading_a_spec_does_not_import_torch(copied: Path) -> None:
    code = (
        "import sys, models.bundle_files as files; files.read_bundle_spec(sys.argv[1]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, copied], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_weights_of_networks_that_share_memory_are_saved(tiny_bundle: Bundle, tmp_path: Path) -> None:
    model = IAM.from_networks([tiny_bundle.model.network(1)] * 3, tiny_bundle.spec.mining)
    save_bundle(tmp_path / "shared", model, tiny_bundle.spec, "# card")
    loaded = load_bundle(tmp_path / "shared").model
    assert torch.equal(loaded.network(3).tail.branches.weight, tiny_bundle.model.network(1).tail.branches.weight)


def test_weights_of_a_diverged_training_are_not_saved(tiny_bundle: Bundle, tmp_path: Path) -> None:
    model = copy.deepcopy(tiny_bundle.model)
    model.network(2).tail.branches.bias.data[3] = torch.nan
    with pytest.raises(BundleError, match=r"not finite, first tails\.1\.branches\.bias"):
        save_bundle(tmp_path / "diverged", model, tiny_bundle.spec, "# card")
    assert not (tmp_path / "diverged").exists()


def break_weights(path: Path) -> None:
    content = bytearray((path / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (path / "weights.safetensors").write_bytes(content)


def pickle_weights(path: Path) -> None:
    torch.save({"w": torch.ones(2)}, path / "weights.safetensors")


def other_network(path: Path) -> None:
    network = json.loads((path / "bundle.json").read_text())["network"]
    edit_json(path / "bundle.json", network=network | {"shared_stages": 3})


REFUSALS: list[tuple[Callable[[Path], Any], str]] = [
    (shutil.rmtree, "no bundle"),
    (lambda path: (path / "bundle.json").unlink(), "has no bundle.json"),
    (lambda path: (path / "weights.safetensors").unlink(), "incomplete"),
    (lambda path: (path / "bundle.json").write_text("{"), "Cannot read"),
    (lambda path: (path / "bundle.json").write_text("[]"), "not valid"),
    (lambda path: edit_json(path / "bundle.json", format=2), "upgrade iam-harvest"),
    (lambda path: edit_json(path / "bundle.json", surprise=1), "surprise"),
    (lambda path: edit_json(path / "bundle.json", weights_sha256=""), "digest"),
    (break_weights, "digest"),
    (other_network, "does not fit"),
    (pickle_weights, "iam-harvest convert"),
]


@pytest.mark.parametrize(("damage", "words"), REFUSALS, ids=[words for _, words in REFUSALS])
def test_damaged_bundles_are_refused_with_words(copied: Path, damage: Callable[[Path], Any], words: str) -> None:
    damage(copied)
    with pytest.raises(BundleError, match=words):
        load_bundle(copied)


@pytest.mark.parametrize("name", ["weights.pth", "weights.ckpt", "no_suffix"])
def test_pickles_are_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / name)
    with pytest.raises(PickleRefusedError, match="iam-harvest convert"):
        load_bundle(tmp_path / name)


def test_a_file_is_no_bundle(copied: Path) -> None:
    with pytest.raises(BundleError, match="directory"):
        load_bundle(copied / "bundle.json")


def test_every_shipped_bundle_loads_by_name() -> None:
    for name in shipped_bundles():
        assert load_bundle(name).spec.name == name
    with pytest.raises(BundleError, match="no bundle 'nonesuch'"):
        find_bundle("nonesuch")


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
def test_a_pickled_state_dict_is_converted(tiny_bundle: Bundle, tmp_path: Path, wrap: Any) -> None:
    torch.save(wrap(tiny_bundle.model.state_dict()), tmp_path / "weights.pth")
    assert convert_weights(tmp_path / "weights.pth", tmp_path / "out", tiny_bundle.spec) == tiny_bundle.digest
    assert "weights.pth" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def test_one_network_is_converted_to_a_single_iteration(tiny_bundle: Bundle, tmp_path: Path) -> None:
    network = tiny_bundle.model.network(2)
    torch.save(
        {"model": {f"module.{name}": value for name, value in network.state_dict().items()}}, tmp_path / "one.pt"
    )
    convert_weights(tmp_path / "one.pt", tmp_path / "out", tiny_bundle.spec)
    made = load_bundle(tmp_path / "out")
    assert made.spec.network.iterations == 1
    assert torch.equal(made.model.network(1).tail.branches.weight, network.tail.branches.weight)


def test_pickles_with_code_text_files_and_foreign_weights_are_not_converted(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    spec: BundleSpec = tiny_bundle.spec
    torch.save(FindingNetwork(spec.network), tmp_path / "code.pt")
    with pytest.raises(PickleRefusedError, match="state_dict"):
        convert_weights(tmp_path / "code.pt", tmp_path / "out", spec)
    torch.save({"fc.weight": torch.ones(2)}, tmp_path / "foreign.pt")
    with pytest.raises(BundleError, match="does not fit"):
        convert_weights(tmp_path / "foreign.pt", tmp_path / "out", spec)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(BundleError, match="no state dict"):
        convert_weights(tmp_path / "list.pt", tmp_path / "out", spec)
    (tmp_path / "text.pt").write_text("not a pickle")
    for name in ("text.pt", "missing.pt"):
        with pytest.raises(BundleError):
            convert_weights(tmp_path / name, tmp_path / "out", spec)
    assert not (tmp_path / "out").exists()
