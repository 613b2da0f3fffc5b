"""What a night costs on a large lake: a run that finds nothing new, and cutting all boxes again.

    python benchmarks/scale.py --films 100000 --folder DIR [--bundle demo]

The archive is hard links of one small PNG; the lake's rows are made up (two findings with maps on every film), as a
harvest would have written them. The first time makes both. Times are wall and processor seconds.
"""

import argparse
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from harvest.lake import SCHEMAS
from harvest.manifest import Shard
from harvest.publish import publish
from harvest.rebox import rebox
from harvest.run import RunRequest, Session, open_session, run_harvest
from harvest.run_record import finish_record
from models.findings import FINDINGS

FILMS_PER_FOLDER = 1000
MAP = 16
ITERATIONS = 3
BOXED = 2
"""Findings with maps on every film."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--bundle", default="demo")
    options = parser.parse_args()
    archive, lake = options.folder / "archive", options.folder / "lake"
    request = RunRequest(str(archive), options.bundle, lake)
    if not lake.exists():
        timed("make archive and lake", lambda: make(archive, request, options.films))
    timed("run with nothing new", lambda: run_harvest(request))
    timed("publish anew", lambda: publish(lake, anew=True))
    again = options.folder / "again"
    shutil.rmtree(again, ignore_errors=True)
    timed("rebox", lambda: rebox(lake, again))


def timed(what: str, work: Callable[[], object]) -> None:
    wall, busy = time.perf_counter(), time.process_time()
    work()
    print(f"{what:24} {time.perf_counter() - wall:8.1f} s, processor {time.process_time() - busy:8.1f} s", flush=True)


def make(archive: Path, request: RunRequest, films: int) -> None:
    archive.mkdir(parents=True)
    first = archive / "film.png"
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(first)
    for number in range(films - 1):
        folder = archive / f"{number // FILMS_PER_FOLDER:05d}"
        folder.mkdir(exist_ok=True)
        os.link(first, folder / f"{number:08d}.png")
    rng = np.random.default_rng(20180706)
    with open_session(request) as session:
        session.start()
        for shard in session.plan.shards:
            tables = {name: pa.Table.from_pylist(rows, SCHEMAS[name]) for name, rows in made_up(session, shard, rng)}
            session.lake.commit_shard(session.keys.config_fingerprint, shard.shard_id, tables)
        finish_record(session.lake, session.keys, "complete")
        publish(request.lake)
        session.lake.mark_published()


def made_up(session: Session, shard: Shard, rng: np.random.Generator) -> list[tuple[str, list[dict[str, object]]]]:
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in SCHEMAS}
    keys = session.keys
    for one in shard.objects:
        common = keys.columns(one.path, None, 1) | {"source_uri": keys.source_uri(one.path), "frame": 1}
        common |= {"object_key": keys.object_key(one.path)}
        rows["instances"].append(common | {"state": "localized", "rows": 2500, "columns": 2048, "vanished": False})
        ledger = {"archive": keys.archive, "path": one.path, "size": one.size, "mtime_ns": one.mtime_ns}
        rows["crosswalk"].append(common | ledger)
        for place, finding in enumerate(FINDINGS):
            gated = place < BOXED
            prediction = {"finding": finding, "probability": 0.99 if gated else 0.0, "gate": 0.5, "gated": gated}
            rows["predictions"].append(common | prediction | {"n_boxes": 0, "iteration_peaks": [1.0] * ITERATIONS})
            if gated:
                rows["attention"].append(common | {"finding": finding} | made_up_maps(rng))
    return [
        (name, [{column: row.get(column) for column in SCHEMAS[name].names} for row in rows[name]]) for name in rows
    ]


def made_up_maps(rng: np.random.Generator) -> dict[str, object]:
    """Return smooth maps with one peak each."""
    y, x = np.indices((MAP, MAP))
    centres = rng.uniform(3, MAP - 3, (ITERATIONS, 2, 1, 1))
    peaks = np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 12)
    return {
        "iterations": ITERATIONS,
        "map_rows": MAP,
        "map_columns": MAP,
        "maps": (255 * peaks).astype(np.uint8).tobytes(),
        "scale": [1 / 255] * ITERATIONS,
        "offset": [0.0] * ITERATIONS,
        "keep": np.packbits(np.ones((ITERATIONS - 1, MAP, MAP), bool)).tobytes(),
        "orientation": "identity",
        "pixel_aspect": 1.0,
    }


if __name__ == "__main__":
    main()
