"""How near the engine comes to what a graphics processor can do: forward passes alone, with the way back, and a run.

    python benchmarks/gpu.py --folder DIR

Rates are of the wall clock. FLOPs count a multiplication and an addition as two; the matrix rate is that of a square
product in bf16. Forward passes are of films that lie ready on the host; ``predict`` also brings back probabilities and
the maps of two findings per film; ``run`` decodes PNG files of 1024 x 1024 pixels in one process per core, cuts boxes
and writes the lake. The plain network is the same one, layer by layer, channels first, in fp32 as PyTorch has it by
default (TF32 in convolutions).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from machine import describe_machine
from resnet_films import network
from roofline import bundle_of, cost, spread
from throughput import Place

from harvest.config import EngineConfig
from harvest.predict import Predictor
from models.bundle import Bundle
from models.iam import to_input

SIDE = 8192
NETWORKS = {
    "ResNet-50, 512, T = 1": network(1),
    "ResNet-50, 512, T = 3, shared through stage 4": network(3),
    "ResNet-50, 512, T = 3, nothing shared": network(3, 0),
}
DEVICE = "cuda"


def per_second(work: Callable[[], object], repeats: int, rounds: int) -> list[float]:
    """Runs of some work per second, in each round, after one that is not counted."""
    found = []
    for _ in range(rounds + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        torch.cuda.synchronize()
        found.append(repeats / (time.perf_counter() - start))
    return found[1:]


def matrix_rate(rounds: int) -> list[float]:
    """FLOP/s of a square product in bf16."""
    left, right = (torch.randn(SIDE, SIDE, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    return [2 * SIDE**3 * rate for rate in per_second(lambda: left @ right, 20, rounds)]


def films_per_second(work: Callable[[], object], films: int, rounds: int) -> list[float]:
    """Films per second of passes of so many."""
    with torch.inference_mode():
        return [films * rate for rate in per_second(work, 10, rounds)]


def plain(bundle: Bundle, films: int, rounds: int) -> list[float]:
    """Films per second of the network as it is."""
    model = bundle.model.to(DEVICE).eval()
    images = to_input(torch.zeros(films, *model.spec.input_hw, dtype=torch.uint8, device=DEVICE), model.spec)
    rates = films_per_second(lambda: model(images), films, rounds)
    model.cpu()
    return rates


def engine(bundle: Bundle, precision: str, films: int, rounds: int) -> tuple[list[float], list[float]]:
    """Films per second of forward passes, and of :meth:`Predictor.predict`."""
    config = EngineConfig.model_validate({"device": DEVICE, "precision": precision, "batch_size": films})
    predictor = Predictor(bundle, config)
    hw = predictor.spec.network.input_hw
    ready = np.random.default_rng(0).integers(0, 256, (films, *hw), dtype=np.uint8)
    tensor = torch.from_numpy(ready)
    two = np.zeros((films, len(predictor.spec.network.findings)), dtype=bool)
    two[:, :2] = True
    alone = films_per_second(lambda: predictor.forward(tensor), films, rounds)
    return alone, films_per_second(lambda: predictor.predict(ready, lambda _: two), films, rounds)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--films", type=int, default=3072, help="of run, three shards")
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64], help="films per pass")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    given = options()
    most = matrix_rate(given.rounds)
    print(f"{torch.cuda.get_device_name()}; {describe_machine()}; n = {given.rounds} rounds, median (least to most)")
    print(f"\nMatrix rate in bf16: {spread(most, 1e12)} TFLOP/s.\n", flush=True)
    heads = ("network", "films a pass", "plain fp32", "engine fp32", "engine bf16", "of the bf16 rate", "predict, bf16")
    print(f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    for name, spec in NETWORKS.items():
        bundle = bundle_of(spec)
        flops = cost(bundle.model, 1).flops
        for films in given.batches:
            slow = plain(bundle, films, given.rounds)
            (full, _), (half, back) = (engine(bundle, one, films, given.rounds) for one in ("fp32", "bf16"))
            share = median(half) * flops / median(most)
            cells = (str(films), spread(slow), spread(full), spread(half), f"{share:.0%}", spread(back))
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    place = Place(given.folder, given.films)
    paces = [place.run("bf16", given.films // 3).steady.rate for _ in range(given.rounds)]
    print(f"\n`run` in bf16, T = 3 shared through stage 4: {spread(paces)} films/s.")


if __name__ == "__main__":
    main()
