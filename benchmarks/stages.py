"""Where the time of a run goes, film by film: ``python benchmarks/stages.py --folder DIR [--model BUNDLE]``.

First everything in one thread, on one core, under a profiler: what each stage costs. Then the run as it is, decoder
processes and passes beside each other: what it waits for. Without --model a ResNet-50 of random weights.
"""

import argparse
import cProfile
import os
import pstats
import shutil
import time
from pathlib import Path

import torch
from machine import describe_machine
from resnet_films import archive, random_bundle

from harvest.config import EngineConfig, GateConfig, HarvestConfig
from harvest.pipeline import harvest_shard
from harvest.run import RunRequest, open_session, run_harvest
from harvest.stages import by_duration

STAGES = {
    "list and plan": ("run.py", "__init__"),
    "read": ("sources/local.py", "read_bytes"),
    "decode, look at": ("decode/__init__.py", "iter_decode"),
    "geometry, digest": ("batches.py", "_film"),
    "forward": ("predict.py", "forward"),
    "bring maps back": ("predict.py", "_bring_back"),
    "store maps": ("predict.py", "stored"),
    "asymmetry": ("asymmetry.py", "film_asymmetry"),
    "merge and cut": ("box_rules.py", "cut_stack"),
    "rows": ("rows.py", "add_predicted"),
    "tables": ("rows.py", "tables"),
    "write": ("lake.py", "commit_shard"),
    "settle": ("settle.py", "settle"),
    "publish": ("publish.py", "publish"),
    "report": ("report/write.py", "write_report"),
}
"""File and function whose time, with all that it calls, is a stage."""


def fresh(request: RunRequest) -> RunRequest:
    shutil.rmtree(request.lake, ignore_errors=True)
    return request


def profiled(request: RunRequest) -> tuple[pstats.Stats, float]:
    """Harvest in one thread; return the profile and its seconds. Loading the network does not count."""
    torch.set_num_threads(1)
    profile = cProfile.Profile()
    with profile, open_session(fresh(request)) as session:
        profile.disable()
        context = session.context()
        predictor = context.bench.localizer.predictor
        predictor.streams = 0
        predictor.forward(torch.zeros(predictor.batch_size, *predictor.spec.network.input_hw, dtype=torch.uint8))
        profile.enable()
        session.start()
        for shard in session.plan.shards:
            session.add(harvest_shard(shard, context))
        session.finish()
    stats = pstats.Stats(profile)
    return stats, stats.total_tt  # type: ignore[attr-defined]


def seconds_of(stats: pstats.Stats, place: str, function: str) -> float:
    """Seconds within a function of the harvest, all that it calls included."""
    entries = stats.stats.items()  # type: ignore[attr-defined]
    return sum(one[3] for (path, _, name), one in entries if name == function and path.endswith(f"/harvest/{place}"))


def engine(precision: str, **others: int) -> EngineConfig:
    return EngineConfig.model_validate({"precision": precision, **others})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument(
        "--films", type=int, default=128, help="in one thread; the run as it is takes four times as many"
    )
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    model = given.model or str(random_bundle(given.folder / "bundle"))
    config = HarvestConfig(gate=GateConfig(mode="labels"), engine=engine(given.precision, decode_workers=0))
    images, labels = archive(given.folder, given.films)
    stats, total = profiled(RunRequest(str(images), model, given.folder / "lake-stages", labels, config))
    print(f"{describe_machine()}; {Path(model).name}, {given.precision}, PNG of 1024 x 1024", end="")
    print(f", n = {given.films} films in one thread\n")
    print("| stage | ms of a film | share |\n| --- | ---: | ---: |")
    taken = {stage: seconds_of(stats, *where) for stage, where in STAGES.items()}
    taken["all else"] = total - sum(taken.values())
    for stage, seconds in taken.items():
        print(f"| {stage} | {1000 * seconds / given.films:.2f} | {seconds / total:.1%} |")
    as_it_is(given, model)


def as_it_is(given: argparse.Namespace, model: str) -> None:
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    images, labels = archive(given.folder, 4 * given.films)
    config = HarvestConfig(gate=GateConfig(mode="labels"), engine=engine(given.precision))
    start = time.perf_counter()
    summary = run_harvest(fresh(RunRequest(str(images), model, given.folder / "lake-stages", labels, config)))
    wall = time.perf_counter() - start
    print(f"\nThe run as it is, {4 * given.films} films in {wall:.1f} s, waits for\n\n| stage | s |\n| --- | ---: |")
    for stage, taken in by_duration(summary.seconds):
        print(f"| {stage} | {taken:.1f} |")
    print(f"| start, settle, publish, report | {wall - sum(summary.seconds.values()):.1f} |")


if __name__ == "__main__":
    main()
