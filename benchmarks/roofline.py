"""What a film costs the network, and how near the engine comes to what the machine can do.

    python benchmarks/roofline.py

FLOPs count a multiplication and an addition as two. Bytes are those of every convolution's input, output and weights,
as if each were read or written once, in bf16. The matrix rate is the best of square products and of a convolution that
suits the machine. Rates are of processor time, times the number of cores, which others on the machine change less than
the wall clock; as many passes as there are cores run beside each other, each on one.
"""

import argparse
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from machine import describe_machine
from resnet_films import network, random_model
from torch import Tensor, nn

from harvest.ahead import map_ahead
from harvest.config import EngineConfig
from harvest.predict import Predictor
from models.bundle import Bundle, load_bundle
from models.findings import FINDINGS
from models.iam import IAM, to_input
from models.spec import BundleSpec, FindingSpec, NetworkSpec

SIDES = (1024, 2048)
Rounds = dict[str, list[float]]


@dataclass(frozen=True)
class Cost:
    """Of one film.

    Attributes:
        flops, moved: of the convolutions, bytes in bf16; weights are counted once per pass of ``films``.
    """

    flops: float
    moved: float


def cost(model: IAM, films: int) -> Cost:
    """Count what all convolutions of a model do."""
    flops, moved = [0.0], [0.0]

    def note(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        flops[0] += 2.0 * made.numel() * layer.weight[0].numel()
        moved[0] += 2.0 * (given[0].numel() + made.numel() + layer.weight.numel() / films)

    counted = copy.deepcopy(model)
    for layer in counted.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)  # type: ignore[arg-type]
    with torch.inference_mode():
        counted(to_input(torch.zeros(1, *model.spec.input_hw, dtype=torch.uint8), model.spec))
    return Cost(flops[0], moved[0])


def bundle_of(spec: NetworkSpec) -> Bundle:
    findings = {name: FindingSpec() for name in FINDINGS}
    return Bundle(BundleSpec(name="random", network=spec, findings=findings), random_model(spec), "")


def at_once(work: Callable[[], object], streams: int, repeats: int) -> float:
    """Runs of some work per second of all cores, in as many threads as given, each with one core."""

    def alone(_: int) -> None:
        torch.set_num_threads(1)
        with torch.inference_mode():
            work()

    list(map_ahead(alone, range(streams), streams, streams))
    start = time.process_time()
    list(map_ahead(alone, range(repeats), streams, 2 * streams))
    return streams * repeats / (time.process_time() - start)


def matrix_rate(dtype: torch.dtype, cores: int) -> float:
    """FLOP/s of the best matrix product or convolution."""
    rates = []
    for side in SIDES:
        left, right = (torch.randn(side, side).to(dtype) for _ in range(2))
        rates.append(2 * side**3 * at_once(lambda left=left, right=right: left @ right, cores, 2 * cores))
    layer = nn.Conv2d(256, 256, 3, padding=1).to(dtype=dtype, memory_format=torch.channels_last)
    films = torch.randn(4, 256, 64, 64).to(dtype=dtype, memory_format=torch.channels_last)
    rates.append(2 * 4 * 64 * 64 * layer.weight.numel() * at_once(lambda: layer(films), cores, 8 * cores))
    return max(rates)


def copy_rate(cores: int) -> float:
    """Bytes/s that are read and written."""
    given, taken = torch.zeros(2**28, dtype=torch.uint8), torch.zeros(2**28, dtype=torch.uint8)
    return 2 * len(given) * at_once(lambda: taken.copy_(given), cores, 4 * cores)


def eager_rate(model: IAM, films: int, cores: int) -> float:
    """Films/s of the model as it is, channels first, in fp32; no core waits for another."""
    images = to_input(torch.zeros(films, *model.spec.input_hw, dtype=torch.uint8), model.spec)
    return films * at_once(lambda: model(images), cores, cores)


def engine_rate(predictor: Predictor, films: int) -> float:
    """Films/s of the engine."""
    hw = predictor.spec.network.input_hw
    ready = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (predictor.batch_size, *hw), dtype=np.uint8))
    passes = max(predictor.streams, films // predictor.batch_size)
    return predictor.batch_size * at_once(lambda: predictor.forward(ready), predictor.streams, passes)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--films", type=int, default=48)
    return parser.parse_args()


def networks() -> dict[str, Bundle]:
    return {
        "ResNet-50, 512, T = 1": bundle_of(network(1)),
        "ResNet-50, 512, T = 3, shared through stage 4": bundle_of(network(3)),
        "ResNet-50, 512, T = 3, nothing shared": bundle_of(network(3, 0)),
        "nih-mini": load_bundle("nih-mini"),
        "demo": load_bundle("demo"),
    }


def main() -> None:
    given, cores = options(), torch.get_num_threads()
    bundles = networks()
    engines = {
        (name, precision): Predictor(bundle, EngineConfig.model_validate({"precision": precision}))
        for name, bundle in bundles.items()
        for precision in ("fp32", "bf16")
    }
    rates: Rounds = {}
    for _ in range(given.rounds):
        for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            rates.setdefault(f"matrix {precision}", []).append(matrix_rate(dtype, cores))
        rates.setdefault("copy", []).append(copy_rate(cores))
        for name, bundle in bundles.items():
            rates.setdefault(f"{name} eager", []).append(eager_rate(bundle.model, 2, cores))
        for (name, precision), engine in engines.items():
            rates.setdefault(f"{name} {precision}", []).append(engine_rate(engine, given.films))
    report(bundles, rates, given.rounds)


def report(bundles: dict[str, Bundle], rates: Rounds, rounds: int) -> None:
    typical = {name: median(values) for name, values in rates.items()}
    print(f"{describe_machine()}, n = {rounds} rounds; median (least to most)\n")
    print("| | |\n| --- | --- |")
    for name, unit in (("matrix fp32", "GFLOP/s"), ("matrix bf16", "GFLOP/s"), ("copy", "GB/s")):
        print(f"| {name} | {spread(rates[name], 1e9)} {unit} |")
    heads = ("network", "GFLOP", "MB", "eager fp32", "engine fp32", "engine bf16", "bf16 : eager", "of the bf16 rate")
    print(f"\n| {' | '.join(heads)} |\n| --- |{' ---: |' * 7}")
    for name, bundle in bundles.items():
        one = cost(bundle.model, 4)
        ours = typical[f"{name} bf16"]
        cells = (
            f"{one.flops / 1e9:.1f}", f"{one.moved / 1e6:.0f}", spread(rates[f"{name} eager"]),
            spread(rates[f"{name} fp32"]), spread(rates[f"{name} bf16"]), f"{ours / typical[f'{name} eager']:.1f}",
            f"{ours * one.flops / typical['matrix bf16']:.0%}",
        )  # fmt: skip
        print(f"| {name} | {' | '.join(cells)} |")
    first, *others = [name for name in bundles if name.startswith("ResNet")]
    for other in others:
        ratios = [typical[f"{first} {kind}"] / typical[f"{other} {kind}"] for kind in ("bf16", "fp32")]
        print(f"\n{other}: {ratios[0]:.2f} times {first} (fp32: {ratios[1]:.2f}).")


def spread(values: list[float], unit: float = 1.0) -> str:
    low, middle, high = min(values) / unit, median(values) / unit, max(values) / unit
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
