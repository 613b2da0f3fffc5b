"""How long it takes to cut all boxes of a large lake again.

    python benchmarks/rebox.py --films 100000 --folder DIR [--bundle demo] [--repeats 3]

A few phantoms are drawn and harvested; the lake is many copies of their rows and maps under new keys, and every film of
a copy gets a size of its own, so that its maps lie differently in it. Made once, used again.
"""

import argparse
import os
import platform
import shutil
import time
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harvest.lake import Lake, open_lake, writing
from harvest.phantom import PhantomRange, write_archive
from harvest.rebox import ReboxSummary, rebox
from harvest.run import RunRequest, run_harvest
from harvest.run_record import latest_complete_run

DRAWN = 256
SIZES = (0.85, 1.15)
"""Range of the factor between a side of a film and that of its copy."""
KEYS = ("instance_key", "object_key", "source_uri")
PREFIX = 6
"""Characters of a key that say which copy it is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    lake = options.folder / "lake"
    if not lake.exists():
        make_lake(options.folder, options.bundle, options.films)
    seconds, busy = [], []
    for _ in range(options.repeats):
        again = options.folder / "again"
        shutil.rmtree(again, ignore_errors=True)
        start, processor = time.perf_counter(), processor_seconds()
        summary = rebox(lake, again)
        seconds.append(time.perf_counter() - start)
        busy.append(processor_seconds() - processor)
    show(lake, summary, seconds, busy)


def make_lake(folder: Path, bundle: str, films: int) -> None:
    """Draw, harvest, and multiply; the lake gets its name when it is whole."""
    archive, small, growing = folder / "archive", folder / "small", folder / "growing"
    for path in (archive, small, growing):
        shutil.rmtree(path, ignore_errors=True)
    write_archive(archive, PhantomRange(DRAWN))
    run_harvest(RunRequest(str(archive / "images"), bundle, small))
    shutil.copytree(small, growing)
    fingerprint = latest_complete_run(open_lake(small))["config_fingerprint"]
    shards = [Lake(small).read_shard(fingerprint, shard_id) for shard_id in Lake(small).shards(fingerprint)]
    random, made, number = np.random.default_rng(20180706), DRAWN, 0
    with writing(growing) as lake:
        while made < films:
            number += 1
            copy = copied(shards[number % len(shards)], number, random)
            lake.commit_shard(fingerprint, f"{number:016x}", copy)
            made += len(copy["instances"])
    growing.rename(folder / "lake")


def copied(shard: dict[str, pa.Table], number: int, random: np.random.Generator) -> dict[str, pa.Table]:
    """Return a shard's rows under new keys, of films of other sizes."""
    prefix = f"{number:0{PREFIX}x}"
    tables = {}
    for name, table in shard.items():
        for key in set(KEYS) & set(table.schema.names):
            table = replaced(table, key, pc.binary_replace_slice(table[key], 0, PREFIX, prefix))
        tables[name] = table
    ledger, instances = tables["crosswalk"], tables["instances"]
    tables["crosswalk"] = replaced(ledger, "path", pc.binary_join_element_wise(prefix, ledger["path"], "/"))
    for side in ("rows", "columns"):
        factors = pa.array(random.uniform(*SIZES, len(instances)))
        sides = pc.round(pc.multiply(instances[side].cast(pa.float64()), factors)).cast(pa.int32())
        instances = replaced(instances, side, sides)
    return tables | {"instances": instances}


def replaced(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), values)


def processor_seconds() -> float:
    """Return the processor time of this process and of those that it started and that ended."""
    return sum(os.times()[:4])


def show(lake: Path, summary: ReboxSummary, seconds: list[float], busy: list[float]) -> None:
    record = summary.record
    maps = count_gated(lake, latest_complete_run(open_lake(lake))["config_fingerprint"])
    print(
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores; bundle {record['bundle']}"
    )
    print(f"{record['instances']:,} films, {maps:,} maps cut, {record['boxes']:,} boxes")
    print(
        f"rebox: median {median(seconds):.1f} s of {len(seconds)} runs, {min(seconds):.1f} to {max(seconds):.1f} s, "
        f"{record['instances'] / median(seconds):,.0f} films/s; processor: median {median(busy):.1f} s, "
        f"{min(busy):.1f} to {max(busy):.1f} s"
    )


def count_gated(lake: Path, fingerprint: str) -> int:
    gated = Lake(lake).read_column_set("predictions", fingerprint, ["gated"])["gated"]
    return int(pc.sum(gated).as_py())


if __name__ == "__main__":
    main()
