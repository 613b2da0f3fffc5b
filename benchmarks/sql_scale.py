"""How long every prepared question takes on a large lake: made-up rows, the real tables, views and store.

    python benchmarks/sql_scale.py --boxes 10000000 --lake DIR [--repeats 5] [--anew] [--json FILE]

The lake is made once (rows follow from a seed) and used again. Times are of ``run_question``: opening the snapshot,
asking, and fetching the answer as Arrow. Processor time is the mean of all threads together; where it is far below wall
time, others kept the machine busy.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from harvest.lake import SCHEMAS, Lake, writing
from harvest.publish import publish
from harvest.questions import questions, run_question
from harvest.store import query
from models.findings import FINDINGS

FILMS_PER_PART = 50_000
BOXES_PER_FILM = 3 * 0.16 * len(FINDINGS) * 0.97
"""Three boxes per gated finding, 16 % of the findings gated, 3 % of the films rejected."""
DIGEST, FINGERPRINT = "a" * 64, "b" * 16
FILMS_PER_SHARD = 256
NIGHTS_FROM = 0x40000000
"""Number of the first film that a later run adds."""
Rng = np.random.Generator
Columns = dict[str, Any]
Array = npt.NDArray[Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=10_000_000)
    parser.add_argument("--lake", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--anew", action="store_true", help="publish a lake that is there anew, and say what it takes")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (options.lake / "harvest.duckdb").exists():
        make_lake(options.lake, options.boxes)
    elif options.anew:
        publish_anew(options.lake)
    figures = {"publish_night_s": add_night(options.lake), "point_look_up_s": look_up(options.lake, options.repeats)}
    print(f"Published one more shard in {figures['publish_night_s']:.1f} s")
    print(f"Boxes of one film in {1000 * figures['point_look_up_s']:.0f} ms")
    results = [measure(options.lake, name, options.repeats) for name in questions()]
    show(results)
    if options.json:
        options.json.write_text(json.dumps(figures | {"questions": results}, indent=2) + "\n")


def measure(lake: Path, name: str, repeats: int) -> Columns:
    busy = time.process_time()
    seconds = [timed(lambda: run_question(lake, name, {})) for _ in range(repeats)]
    busy = (time.process_time() - busy) / repeats
    figures = {"median_s": median(seconds), "least_s": min(seconds), "most_s": max(seconds), "processor_s": busy}
    return {"question": name} | figures


def show(results: list[Columns]) -> None:
    print(f"{'question':28} {'median s':>9} {'least':>7} {'most':>7} {'processor s':>12}")
    for one in sorted(results, key=lambda one: -one["median_s"]):
        spread = f"{one['median_s']:9.3f} {one['least_s']:7.3f} {one['most_s']:7.3f}"
        print(f"{one['question']:28} {spread} {one['processor_s']:12.3f}")
    medians = [one["median_s"] for one in results]
    print(f"{len(medians)} questions, slowest {max(medians):.2f} s, {sum(m <= 0.5 for m in medians)} within 0.5 s")


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make_lake(root: Path, boxes: int) -> None:
    films = max(1, round(boxes / BOXES_PER_FILM))
    sizes = [min(FILMS_PER_PART, films - start) for start in range(0, films, FILMS_PER_PART)]
    with writing(root):
        print(f"Made the part files in {timed(lambda: make_run(root, 'run-1', 0, sizes)):.0f} s", flush=True)
        print(f"Published all of it in {timed(lambda: publish(root)):.0f} s", flush=True)


def publish_anew(root: Path) -> None:
    """Publish all of a lake; the first thing that this process does, so that its peak memory is that of publishing."""
    with writing(root):
        seconds = timed(lambda: publish(root, anew=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"Published all of it anew in {seconds:.0f} s, with {peak:.1f} GiB at most", flush=True)


def add_night(root: Path) -> float:
    """Add a run of one shard of new films, as a nightly run does, and return the seconds that publishing takes."""
    night = len(list((root / "runs").glob("*.json")))
    with writing(root):
        make_run(root, f"run-{night + 1}", NIGHTS_FROM + night * FILMS_PER_SHARD, [FILMS_PER_SHARD])
        return timed(lambda: publish(root))


def look_up(root: Path, repeats: int) -> float:
    """Return the median seconds of asking for the boxes of one film by its key."""
    key = query(root, "SELECT instance_key FROM films LIMIT 1 OFFSET 100")["instance_key"][0].as_py()
    sql = f"SELECT * FROM current_boxes WHERE instance_key = '{key}'"  # a key is hexadecimal
    return median(timed(lambda: query(root, sql)) for _ in range(repeats))


def make_run(root: Path, run_id: str, start: int, sizes: list[int]) -> None:
    """Write the parts of a run, one of so many films each, and its record."""
    lake, rng = Lake(root), np.random.default_rng(20180704 + start)
    counts = {"instances": 0, "localized": 0, "no_finding": 0, "rejected": 0, "boxes": 0}
    for films in sizes:
        tables = make_part(rng, run_id, start, films)
        ledger = {"crosswalk": SCHEMAS["crosswalk"].empty_table()}  # without it a part counts as a leftover
        for name, table in (tables | ledger).items():
            pq.write_table(table, lake.part(name, FINGERPRINT, f"{start:08d}"))
        states = tables["instances"]["state"].to_pylist()
        counts["instances"] += len(states)
        counts["boxes"] += tables["boxes"].num_rows
        for state in ("localized", "no_finding", "rejected"):
            counts[state] += states.count(state)
        start += films
    record = {"run_id": run_id, "status": "complete", "archive": "made up", "bundle": "none", "engine": "none"}
    record |= {"model_digest": DIGEST, "config_fingerprint": FINGERPRINT, "version": "0", "config": {}}
    record |= {"started_at": "2026-01-01T00:00:00+00:00", "finished_at": "2026-01-01T01:00:00+00:00"}
    record |= counts | {"objects": counts["instances"]}
    (lake.runs / f"{run_id}.json").write_text(json.dumps(record))


def make_part(rng: Rng, run_id: str, start: int, films: int) -> dict[str, pa.Table]:
    keys = np.array([f"{start + n:08x}" + "0123456789abcdef01234567" for n in range(films)])
    rejected = rng.random(films) < 0.03
    predicted = np.flatnonzero(~rejected)
    count = len(predicted) * len(FINDINGS)
    film = np.repeat(predicted, len(FINDINGS))
    probability = rng.random(count) ** 2
    gate = 0.7056  # of squared uniforms, 16 % lie above
    gated = probability >= gate
    labeled = np.where(rng.random(films)[film] < 0.7, rng.random(count) < 0.1, None)
    predictions = {
        "instance_key": keys[film],
        "finding": np.tile(np.array(FINDINGS), len(predicted)),
        "probability": probability,
        "gate": np.full(count, gate),
        "labeled": labeled,
        "gated": gated,
        "n_boxes": np.where(gated, 3, 0).astype(np.int32),
        "iteration_peaks": [[1.0, 0.5, 0.2]] * count,
    }
    any_gated = np.zeros(films, bool)
    any_gated[film[gated]] = True
    instances = make_instances(rng, keys, rejected, any_gated)
    boxes = make_boxes(rng, {name: predictions[name][gated] for name in ("instance_key", "finding", "probability")})
    rejections = {name: instances[name][rejected] for name in ("instance_key", "reason_code", "stage", "frame")}
    rejections |= {"message": np.full(rejected.sum(), "Made up."), "source_uri": keys[rejected]}
    columns = {"instances": instances, "predictions": predictions, "boxes": boxes, "rejections": rejections}
    return {name: to_table(name, run_id, found) for name, found in columns.items()}


def make_instances(rng: Rng, keys: Array, rejected: Array, any_gated: Array) -> Columns:
    films = len(keys)
    patient = np.arange(films) // 3
    day = (np.arange(films) % 3) * 90
    year = 2012 + patient % 10
    makers = rng.integers(0, 6, films)
    return {
        "instance_key": keys,
        "object_key": keys,
        "source_uri": keys,
        "frame": np.ones(films, np.int32),
        "state": np.where(rejected, "rejected", np.where(any_gated, "localized", "no_finding")),
        "reason_code": np.where(rejected, "wrong_view", None),
        "stage": np.where(rejected, "gate", None),
        "rows": np.full(films, 2500, np.int32),
        "columns": np.full(films, 2048, np.int32),
        "pixel_spacing_row_mm": np.full(films, 0.15),
        "pixel_spacing_column_mm": np.full(films, 0.15),
        "patient_key": np.char.add(keys[patient * 3], "p"),
        "study_key": np.char.add("2.25.", keys[(np.arange(films) // 2) * 2]),
        "modality": np.array(["CR", "DX"])[makers % 2],
        "view_position": np.array(["PA", "AP", "LL"])[rng.integers(0, 3, films)],
        "sex": np.array(["F", "M"])[patient % 2],
        "age_years": (20 + patient * 7 % 69).astype(float),
        "manufacturer": np.array([f"Maker {n}" for n in range(6)])[makers],
        "manufacturer_model_name": np.array([f"Model {n}" for n in range(12)])[makers + 6 * (patient % 2)],
        "study_year": (year + day // 365).astype(np.int32),
        "study_month": (1 + (patient + day // 30) % 12).astype(np.int32),
        "days_since_first_study": day.astype(np.int32),
        "vanished": np.zeros(films, bool),
    }


def make_boxes(rng: Rng, gated: Columns) -> Columns:
    """Return three nested boxes for each gated finding."""
    count = len(gated["finding"])
    x, y = rng.uniform(100, 1000, count), rng.uniform(200, 1500, count)
    width, height = rng.uniform(60, 900, count), rng.uniform(60, 900, count)
    rank = np.tile(np.arange(3), count)
    shrink = rank * 0.2
    x, y, width, height = (np.repeat(one, 3) for one in (x, y, width, height))
    left, top = x + width * shrink / 2, y + height * shrink / 2
    return {name: np.repeat(one, 3) for name, one in gated.items()} | {
        "source_uri": np.repeat(gated["instance_key"], 3),
        "rank": (rank + 1).astype(np.int32),
        "mean_attention": 0.5 + shrink / 2,
        "x_min": left,
        "y_min": top,
        "x_max": left + width * (1 - shrink),
        "y_max": top + height * (1 - shrink),
        "width_mm": width * (1 - shrink) * 0.15,
        "height_mm": height * (1 - shrink) * 0.15,
        "threshold": 0.35 + shrink,
    }


def to_table(name: str, run_id: str, columns: Columns) -> pa.Table:
    rows = len(columns["instance_key"])
    common = {"run_id": run_id, "model_digest": DIGEST, "config_fingerprint": FINGERPRINT}
    columns = {key: pa.array([value] * rows, pa.string()) for key, value in common.items()} | columns
    schema = SCHEMAS[name]
    missing = {field.name: pa.nulls(rows, field.type) for field in schema if field.name not in columns}
    arrays = [pa.array((columns | missing)[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


if __name__ == "__main__":
    main()
