"""Bundles: a model with everything that inference needs, saved, loaded, and made from other weight files.

Weights are safetensors; ``BundleSpec.weights`` says in what precision. Pickles are refused; ``convert_weights`` reads
one with torch's restricted loader.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.bundle_files import (
    CARD_FILE,
    SPEC_FILE,
    WEIGHTS_FILE,
    content_digest,
    file_digest,
    find_bundle,
    read_bundle_spec,
    refuse_pickle,
)
from models.errors import BundleError, PickleRefusedError
from models.iam import IAM, FindingNetwork
from models.spec import BundleSpec, WeightPrecision

_CONVERTED_CARD = """# {name}

Converted from `{source}` (SHA-256 {digest}). Nothing was measured on these weights: evaluate them
(`iam-harvest evaluate`) and calibrate their operating points before relying on any box.
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle."""

    spec: BundleSpec
    model: IAM
    """In eval mode, float32, on the CPU."""
    digest: str
    """64 hex digits over ``bundle.json`` and, by it, the weights."""


def save_bundle(directory: Path, model: IAM, spec: BundleSpec, card: str) -> str:
    """Write a bundle and return its digest; an older one in the directory is replaced, other files are left alone.

    Each file appears whole, ``bundle.json`` last: what a crash leaves between is refused by ``load_bundle``.

    Args:
        directory: made if need be.
        model: must fit ``spec.network``.
        spec: its ``weights_sha256`` is filled in here.
        card: text of the model card (Markdown).

    Raises:
        BundleError: model and spec do not fit together.
    """
    _fit(IAM(spec.network, spec.mining), model.state_dict(), "the model to save")
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: _stored(value, spec.weights) for name, value in model.state_dict().items()}
    _replace(directory / WEIGHTS_FILE, lambda path: save_file(weights, path))
    write_card(directory, card)
    complete = spec.model_copy(update={"weights_sha256": file_digest(directory / WEIGHTS_FILE)})
    text = complete.model_dump_json(indent=2) + "\n"
    _replace(directory / SPEC_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    return content_digest(complete.model_dump(mode="json"))


@torch.no_grad()
def round_weights(model: nn.Module, precision: WeightPrecision) -> None:
    """Round a model in place to what a bundle stores of it, so that what is measured is what is shipped."""
    for value in model.state_dict().values():
        value.copy_(_stored(value, precision))


def write_card(directory: Path, card: str) -> None:
    """Replace the model card of a bundle; its digest does not cover the card."""
    _replace(directory / CARD_FILE, lambda path: path.write_text(card, encoding="utf-8"))


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Load a bundle.

    Args:
        name_or_path: its directory, or the name of a shipped one.

    Raises:
        PickleRefusedError: a pickled weight file was given, or lies in the place of the weights.
        BundleError: missing, incomplete, changed after it was written, or of a newer format.
    """
    directory = find_bundle(name_or_path)
    spec, digest = read_bundle_spec(name_or_path)
    weights = _read_weights(directory / WEIGHTS_FILE, spec.weights_sha256)
    model = IAM(spec.network, spec.mining, spec.boxes.merge)
    _fit(model, weights, str(directory / WEIGHTS_FILE))
    return Bundle(spec, model.eval(), digest)


def convert_weights(weights: Path, out: Path, spec: BundleSpec) -> str:
    """Make a bundle of a pickled state dict and return its digest.

    Args:
        weights: written by ``torch.save``: a state dict, alone or under ``state_dict`` or ``model``, with the names
            of an ``IAM``, or of one ``FindingNetwork``: then T = 1.
        out: directory of the bundle.
        spec: what the file does not say.

    Raises:
        PickleRefusedError: the file holds more than tensors.
        BundleError: it cannot be read, or its names or shapes do not fit the network of ``spec``.
    """
    state = read_pickled_weights(weights)
    if not any(name.startswith("tails.") for name in state):
        spec = spec.model_copy(update={"network": spec.network.model_copy(update={"iterations": 1})})
    model = IAM(spec.network, spec.mining, spec.boxes.merge)
    single = any(name.startswith("tail.") for name in state)
    target: IAM | FindingNetwork = model.network(1) if single else model
    _fit(target, state, str(weights))
    card = _CONVERTED_CARD.format(name=spec.name, source=weights.name, digest=file_digest(weights))
    return save_bundle(out, model, spec, card)


def _read_weights(path: Path, expected_digest: str) -> dict[str, Tensor]:
    """Read the weights of a bundle after their digest was checked."""
    if not path.is_file():
        raise BundleError(f"The bundle is incomplete: {path} is missing. Fetch or train the bundle again.")
    refuse_pickle(path)
    if file_digest(path) != expected_digest:
        raise BundleError(f"{path} is not what {SPEC_FILE} says (digest differs). Fetch or train the bundle again.")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise BundleError(f"{path} is not a safetensors file: {error}. Fetch or train the bundle again.") from error


def read_pickled_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict, alone or under ``state_dict`` or ``model``, with torch's loader of tensors only.

    Raises:
        PickleRefusedError: the file holds more than tensors.
        BundleError: it cannot be read, or holds no state dict.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise PickleRefusedError(
            f"{path} is not a plain pickle of tensors. Save its weights alone: torch.save(model.state_dict(), ...)."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise BundleError(f"Cannot read {path}: {error}. Give a file written by torch.save.") from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise BundleError(f"{path} holds no state dict. Save one: torch.save(model.state_dict(), ...).")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _fit(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Load weights into a model, or say which do not fit or are not finite (a training that diverged)."""
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if wanted != given:
        names = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
        first = names[0]
        raise BundleError(
            f"{source} does not fit the network that the spec describes: {len(names)} of {len(wanted)} weights differ, "
            f"first {first}: {given.get(first, 'missing')} instead of {wanted.get(first, 'none')}. "
            "Check backbone, iterations and shared_stages."
        )
    broken = [name for name, value in weights.items() if not value.isfinite().all()]
    if broken:
        raise BundleError(f"{source} holds weights that are not finite, first {broken[0]}: train again, more slowly.")
    model.load_state_dict(dict(weights))


def _stored(value: Tensor, precision: WeightPrecision) -> Tensor:
    """Return a tensor as it is stored, on the CPU, sharing memory with no other; counters stay integers."""
    kind = value.dtype
    if value.is_floating_point():
        kind = torch.float16 if precision == "float16" and value.ndim > 1 else torch.float32
    return value.detach().to("cpu", kind, copy=True).contiguous()


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, make it durable, and move it there in one step."""
    partial = path.with_name(f".{path.name}.partial")
    write(partial)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
