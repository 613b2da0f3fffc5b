"""The engine against compilers, on one pass of ResNet-50 at 512 x 512: films per second of both cores, in bf16.

    PYTHONPATH=PACKAGES python benchmarks/compilers.py

torch.compile needs a C++ compiler; OpenVINO is no dependency of this project and left out where it is not installed
(``pip install --target PACKAGES --no-deps openvino openvino-telemetry``). All take turns in one process, and each is
given what suits it: the engine and torch.compile run one pass on each core, OpenVINO shares out the cores itself.
"""

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

import numpy as np
import torch
from machine import describe_machine
from resnet_films import network, random_model
from roofline import bundle_of
from torch import Tensor, nn

from harvest.ahead import map_ahead
from harvest.config import EngineConfig
from harvest.predict import Predictor
from models.iam import to_input

FILMS = 4
"""Of a pass."""
Passes = Callable[[int], None]


class Maps(nn.Module):
    """N_1 alone: from network input to class activation maps."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = network(1)
        self.whole = random_model(self.spec)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, C, h, w)."""
        maps: Tensor = self.whole.network(1)(images).cams
        return maps


def beside_each_other(once: Callable[[], object]) -> Passes:
    """Run passes in as many threads as there are cores, each on one."""
    cores = torch.get_num_threads()

    def alone(_: int) -> None:
        torch.set_num_threads(1)
        with torch.no_grad():
            once()

    def run(passes: int) -> None:
        list(map_ahead(alone, range(passes), cores, 2 * cores))

    return run


def engine() -> Passes:
    predictor = Predictor(bundle_of(network(1)), EngineConfig(precision="bf16", batch_size=FILMS))
    films = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (FILMS, 512, 512), dtype=np.uint8))
    return beside_each_other(lambda: predictor.forward(films))


def autocast(compiled: bool) -> Passes:
    model = Maps().to(memory_format=torch.channels_last).eval()
    films = _input(model)
    if compiled:
        import torch._inductor.config as inductor

        inductor.freezing = True
        torch.set_num_threads(1)
        called = torch.compile(model)
    else:
        called = model

    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            called(films)

    with torch.no_grad():  # weights are frozen only then; what was compiled under inference_mode is compiled again
        once()
    return beside_each_other(once)


def openvino() -> Passes:
    import openvino as ov

    model = Maps().eval()
    films = _input(model).contiguous()
    with torch.inference_mode():
        converted = ov.convert_model(model, example_input=films)
    converted.reshape(list(films.shape))
    hints = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "THROUGHPUT"}
    compiled = ov.Core().compile_model(converted, "CPU", hints)
    queue = ov.AsyncInferQueue(compiled)

    def run(passes: int) -> None:
        for _ in range(passes):
            queue.start_async([films.numpy()])
        queue.wait_all()

    return run


def _input(model: Maps) -> Tensor:
    images = to_input(torch.zeros(FILMS, 512, 512, dtype=torch.uint8), model.spec)
    return images.contiguous(memory_format=torch.channels_last)


def rate(run: Passes, passes: int) -> float:
    start = time.perf_counter()
    run(passes)
    return FILMS * passes / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=24)
    given = parser.parse_args()
    cores = torch.get_num_threads()
    rivals = {"engine": engine(), "torch, autocast": autocast(False), "torch.compile, autocast": autocast(True)}
    torch.set_num_threads(cores)
    if find_spec("openvino"):
        rivals["OpenVINO"] = openvino()
    for run in rivals.values():
        run(2 * cores)
    rates: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(given.rounds):
        for name, run in rivals.items():
            rates[name].append(rate(run, given.passes))
    print(f"{describe_machine()}; n = {given.rounds} rounds of {given.passes} passes of {FILMS} films\n")
    print("| bf16 | films/s: median | least | most |\n| --- | ---: | ---: | ---: |")
    for name, values in rates.items():
        print(f"| {name} | {median(values):.1f} | {min(values):.1f} | {max(values):.1f} |")


if __name__ == "__main__":
    main()
