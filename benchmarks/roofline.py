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
from collections import defaultdict
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
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
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
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--films", type=int, default=24)
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
        for precision in PRECISIONS
    }
    rates: Rounds = defaultdict(list)
    for _ in range(given.rounds):
        rates["copy"].append(copy_rate(cores))
        for name, bundle in bundles.items():
            rates[f"{name} plain"].append(eager_rate(bundle.model, 2, cores))
            for precision, dtype in PRECISIONS.items():
                rates[f"{name} limit {precision}"].append(matrix_rate(dtype, cores))
                rates[f"{name} {precision}"].append(engine_rate(engines[name, precision], given.films))
    report(bundles, rates, given.rounds)


def ratios(above: list[float], below: list[float], factor: float = 1.0) -> list[float]:
    """Round by round."""
    return [factor * one / other for one, other in zip(above, below, strict=True)]


def report(bundles: dict[str, Bundle], rates: Rounds, rounds: int) -> None:
    print(f"{describe_machine()}, n = {rounds} rounds; median (least to most)\n")
    for precision in PRECISIONS:
        limits = [one for name in bundles for one in rates[f"{name} limit {precision}"]]
        print(f"Matrix rate, {precision}: {spread(limits, 1e9)} GFLOP/s.")
    print(f"Copying: {spread(rates['copy'], 1e9)} GB/s.")
    heads = ("network", "GFLOP", "MB", "plain fp32", "engine fp32", "of fp32", "engine bf16", "of bf16", "bf16 : plain")
    print(f"\n| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    for name, bundle in bundles.items():
        one = cost(bundle.model, 4)
        plain, fp32, bf16 = (rates[f"{name} {kind}"] for kind in ("plain", "fp32", "bf16"))
        shares = [
            spread(ratios(rate, rates[f"{name} limit {kind}"], 100 * one.flops)) + " %"
            for kind, rate in (("fp32", fp32), ("bf16", bf16))
        ]
        cells = (f"{one.flops / 1e9:.1f}", f"{one.moved / 1e6:.0f}", spread(plain), spread(fp32), shares[0])
        print(f"| {name} | {' | '.join((*cells, spread(bf16), shares[1], spread(ratios(bf16, plain))))} |")
    first, *others = [name for name in bundles if name.startswith("ResNet")]
    for other in others:
        times = [spread(ratios(rates[f"{first} {kind}"], rates[f"{other} {kind}"])) for kind in ("bf16", "fp32")]
        print(f"\n{other}: {times[0]} times {first} (fp32: {times[1]}).")


def spread(values: list[float], unit: float = 1.0) -> str:
    low, middle, high = min(values) / unit, median(values) / unit, max(values) / unit
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
