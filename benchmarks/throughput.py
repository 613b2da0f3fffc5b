"""Films per second: `run` against what one would write oneself, and against the network alone.

    PYTHONPATH=PACKAGES python benchmarks/throughput.py --folder DIR

Rivals take turns in one process, `--rounds` times; the table gives median, least and most, and the processor time of a
film, which others on the machine change less than the wall clock. The first one needs
pytorch-grad-cam, another one Ray. Neither is a dependency of this project; what is not installed is left out. To have
them in a folder of their own:

    pip install --target PACKAGES --no-deps grad-cam ttach scikit-learn joblib threadpoolctl narwhals \
        opencv-python-headless ray msgpack protobuf

What `run` takes before its first film is told apart: the command is given a single film.
"""

import argparse
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from machine import describe_machine, processor_seconds
from resnet_films import archive, random_bundle, read_labels
from rivals import Afternoon, Batched, Labels, Row, on_ray

from harvest.ahead import map_ahead
from harvest.config import EngineConfig, GateConfig, HarvestConfig
from harvest.evaluation.overlap import iou
from harvest.pipeline import ShardSummary
from harvest.predict import Predictor
from harvest.run import RunRequest, Session, run_harvest
from harvest.store import query
from models.bundle import load_bundle

OURS = "(iv) run, bf16"
SAME = 0.98
"""IoU from which boxes of two engines count as equal."""


class Clock:
    """Notes when each shard was done."""

    def __init__(self) -> None:
        self.shards: list[tuple[float, float, int]] = []
        self.seconds: dict[str, float] = {}

    def on_plan(self, session: Session) -> None:
        """Not of interest."""

    def on_shard(self, summary: ShardSummary) -> None:
        """Note the time."""
        self.shards.append((time.perf_counter(), processor_seconds(), summary.objects))

    @property
    def steady(self) -> "Pace":
        """From the end of the first shard to that of the last."""
        films = sum(one[2] for one in self.shards[1:])
        wall, busy = (self.shards[-1][which] - self.shards[0][which] for which in (0, 1))
        return Pace(films / wall, busy / films)


class Pace(NamedTuple):
    """Films per second, and processor seconds of a film."""

    rate: float
    busy: float


@contextmanager
def pace_of(films: int) -> Iterator[list[Pace]]:
    """Measure the block, and put its pace into the list."""
    found = list[Pace]()
    wall, busy = time.perf_counter(), processor_seconds()
    yield found
    found.append(Pace(films / (time.perf_counter() - wall), (processor_seconds() - busy) / films))


class Place:
    """Bundle, archive and where to write."""

    def __init__(self, folder: Path, films: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.bundle = folder, random_bundle(folder / "bundle")
        self.images, self.labels = archive(folder, films)
        self.paths = sorted(self.images.iterdir())
        self.findings: Labels = read_labels(self.labels)

    def timed(self, script: Callable[[list[Path], Labels, Path], object], films: int) -> Pace:
        """Let a rival's script harvest the first films."""
        table = self.folder / "rows.csv"
        table.unlink(missing_ok=True)
        with pace_of(films) as found:
            script(self.paths[:films], self.findings, table)
        return found[0]

    def run(self, precision: str, shard_size: int, limit: int | None = None) -> Clock:
        """Harvest the archive into a new lake."""
        lake = self.folder / f"lake-{precision}"
        shutil.rmtree(lake, ignore_errors=True)
        config = HarvestConfig(
            gate=GateConfig(mode="labels"),
            identifiers="keep",
            engine=EngineConfig.model_validate({"precision": precision}),
            storage={"shard_size": shard_size},  # type: ignore[arg-type]
        )
        clock = Clock()
        run_harvest(RunRequest(str(self.images), str(self.bundle), lake, self.labels, config, limit=limit), clock)
        return clock

    def boxes(self, precision: str) -> dict[tuple[str, str], np.ndarray]:
        """Return the boxes of a lake by film and finding, (N, 4)."""
        sql = "SELECT source_uri, finding, x_min, y_min, x_max, y_max FROM boxes"
        found: dict[tuple[str, str], list[list[float]]] = {}
        for row in query(self.folder / f"lake-{precision}", sql).to_pylist():
            key = Path(row["source_uri"]).name, row["finding"]
            found.setdefault(key, []).append([row[name] for name in ("x_min", "y_min", "x_max", "y_max")])
        return {key: np.array(boxes) for key, boxes in found.items()}


def agreement(rows: list[Row], boxes: dict[tuple[str, str], np.ndarray]) -> float:
    """Share of a rival's boxes that a box of the same film and finding meets."""
    best = [iou(boxes.get(row[:2], np.zeros((0, 4))), np.array(row[4][:4])).max(initial=0.0) for row in rows]
    return float(np.mean(np.array(best) >= SAME))


def forward_pace(bundle: Path, films: int) -> Pace:
    """Run forward passes alone, on films that are ready."""
    predictor = Predictor(load_bundle(bundle), EngineConfig(precision="bf16"))
    hw = predictor.spec.network.input_hw
    ready = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (predictor.batch_size, *hw), dtype=np.uint8))

    def once(_: int) -> None:
        with predictor.computing():
            predictor.forward(ready)

    passes = films // predictor.batch_size
    list(map_ahead(once, range(predictor.streams), predictor.streams, predictor.streams))
    with pace_of(passes * predictor.batch_size) as found:
        list(map_ahead(once, range(passes), predictor.streams, 2 * predictor.streams))
    return found[0]


def ray_pace(place: Place, films: int) -> Pace:
    """Start Ray, let it harvest the first films, and end it; its actors' start counts, its own does not."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        return place.timed(lambda *how: on_ray(place.bundle, *how), films)
    finally:
        ray.shutdown()


def start_up(place: Place) -> float:
    """Seconds of the command for a single film, all told."""
    lake = place.folder / "lake-start"
    shutil.rmtree(lake, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "flows",
        "run",
        str(place.images),
        "--model",
        str(place.bundle),
        "--out",
        str(lake),
    ]
    start = time.perf_counter()
    subprocess.run([*command, "--limit", "1"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def turns(place: Place, given: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Pace]]]:
    """Yield the rivals and how each is timed."""
    if find_spec("pytorch_grad_cam"):
        afternoon = Afternoon(place.bundle)
        yield "(i) film by film, pytorch-grad-cam, fp32", lambda: place.timed(afternoon, given.few)
    batched, shared = Batched(place.bundle), Batched(place.bundle, shares_trunk=True)
    yield "(ii) batches, each network whole, fp32", lambda: place.timed(batched, given.some)
    yield "(ii') batches, shared trunk, fp32", lambda: place.timed(shared, given.some)
    if find_spec("ray"):
        yield (
            "(iii) Ray Data, 2 actors, each network whole, fp32",
            lambda: ray_pace(place, given.some),
        )
    yield "(iv) run, fp32", lambda: place.run("fp32", given.films // 12, given.films // 4).steady
    yield OURS, lambda: place.run("bf16", given.films // 3).steady
    yield "(v) forward passes alone, bf16", lambda: forward_pace(place.bundle, 256)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--films", type=int, default=768, help="of run in bf16, three shards; a quarter in fp32")
    parser.add_argument("--some", type=int, default=48, help="of the batched scripts")
    parser.add_argument("--few", type=int, default=4, help="of the script that goes film by film")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def report(paces: dict[str, list[Pace]], rounds: int) -> None:
    print(f"{describe_machine()}, n = {rounds} rounds")
    print("ResNet-50, 512 x 512, T = 3, trunk shared through the second last stage; PNG of 1024 x 1024, two findings\n")
    heads = ("", "films/s: median", "least", "most", "`run` is faster by", "core-ms of a film", "`run` takes less by")
    print(f"| {' | '.join(heads)} |\n| --- |{' ---: |' * (len(heads) - 1)}")
    ours = paces[OURS]
    rate, busy = median(one.rate for one in ours), median(one.busy for one in ours)
    for name, values in paces.items():
        rates, costs = [one.rate for one in values], median(one.busy for one in values)
        cells = [name, *(f"{one:.2f}" for one in (median(rates), min(rates), max(rates), rate / median(rates)))]
        print(f"| {' | '.join(cells)} | {1000 * costs:.0f} | {costs / busy:.2f} |")


def main() -> None:
    given = options()
    logging.getLogger("harvest").setLevel(logging.ERROR)
    place = Place(given.folder, given.films)
    rivals = dict(turns(place, given))
    paces: dict[str, list[Pace]] = {name: [] for name in rivals}
    for _ in range(given.rounds):
        for name, timed in rivals.items():
            paces[name].append(timed())
            rate, busy = paces[name][-1]
            print(f"    {name}: {rate:.2f} films/s, {1000 * busy:.0f} core-ms", file=sys.stderr, flush=True)
    starts = [start_up(place) for _ in range(given.rounds)]
    report(paces, given.rounds)
    print(f"\nA run of one film takes {median(starts):.1f} s ({min(starts):.1f} to {max(starts):.1f}).")
    rows = Batched(place.bundle)(place.paths[: given.some], place.findings, place.folder / "rows.csv")
    shares = {precision: agreement(rows, place.boxes(precision)) for precision in ("fp32", "bf16")}
    print(f"Of {len(rows)} boxes of (ii), {shares['bf16']:.1%} meet one of `run` with IoU >= {SAME}; in fp32,", end=" ")
    print(f"{shares['fp32']:.1%}.")


if __name__ == "__main__":
    main()
