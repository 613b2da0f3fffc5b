"""What the size of a lake costs a nightly run: memory, and the time of one that finds nothing new.

    python benchmarks/scale.py --films 1000 100000 --folder DIR

Each archive is hard links of one phantom film, and the rows of so many films are made up as a harvest would have
written them; made once, used again. Then one shard of new films is harvested in earnest, and after that nothing is new.
The network is the smallest that there is, of random weights, with two boxed findings on every film: what is measured is
what stands around a network. Memory is that of all processes together (proportional set size, every 0.2 s).
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.cli.settings import read_settings
from harvest.lake import SCHEMAS
from harvest.manifest import Shard
from harvest.phantom import PhantomRange, write_archive
from harvest.publish import publish
from harvest.run import RunRequest, Session, open_session
from harvest.run_record import finish_record
from models.bundle import save_bundle
from models.findings import FINDINGS
from models.iam import IAM
from models.spec import BundleSpec, FindingSpec, NetworkSpec

LINKS_PER_FILE = 1000
"""A folder's films are one file; file systems allow some 65,000 names for one."""
LONG_SIDE = 256
BOXED = 2
NEW = 256
"""Films that are harvested in earnest."""
SETTINGS = "[storage]\nattention_above = 1.0\n"
"""Maps of boxed findings only."""
SAMPLED_EVERY_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    settings = options.folder / "settings.toml"
    settings.write_text(SETTINGS)
    if not (options.folder / "bundle").exists():
        make_bundle(options.folder / "bundle")
    print(f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores")
    print(f"{'films':>8}   {NEW} new: s  peak MiB   nothing new: s  peak MiB")
    for films in options.films:
        place = options.folder / str(films)
        if not place.exists():
            make_place(place, films, options.folder / "bundle", settings)
        add_films(place / "archive", NEW)
        lines = ["--model", str(options.folder / "bundle"), "--out", str(place / "lake"), "--config", str(settings)]
        command = [sys.executable, "-m", "flows", "run", str(place / "archive"), *lines]
        (seconds, peak), (again, peak_again) = run(command), run(command)
        print(f"{films:8} {seconds:12.1f} {peak:9.0f} {again:16.1f} {peak_again:9.0f}", flush=True)


def make_place(place: Path, films: int, bundle: Path, settings: Path) -> None:
    """Make archive and lake; the folder gets its name when both are whole, and the archive is called by its own."""
    growing = place.with_name("growing")
    shutil.rmtree(growing, ignore_errors=True)
    write_archive(growing / "drawn", PhantomRange(1, long_side=LONG_SIDE))
    (drawn,) = (growing / "drawn" / "images").glob("*.png")
    (growing / "archive").mkdir()
    shutil.move(drawn, growing / "archive" / "film.png")
    add_films(growing / "archive", films - 1)
    config = read_settings(settings)
    with open_session(RunRequest(str(growing / "archive"), str(bundle), growing / "lake", config=config)) as session:
        session.start()
        for shard in session.plan.shards:
            tables = {name: pa.Table.from_pylist(rows, SCHEMAS[name]) for name, rows in made_up(session, shard).items()}
            session.lake.commit_shard(session.keys.config_fingerprint, shard.shard_id, tables)
        finish_record(session.lake, session.keys, "complete")
        publish(session.lake.root)
        session.lake.mark_published()
    growing.rename(place)


def made_up(session: Session, shard: Shard) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a shard: every film has two findings, without boxes."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    keys = session.keys
    for one in shard.objects:
        common = keys.columns(one.path, None, 1) | {"source_uri": keys.source_uri(one.path), "frame": 1}
        common |= {"object_key": keys.object_key(one.path)}
        rows["instances"].append(common | {"state": "localized", "rows": 256, "columns": 208, "vanished": False})
        ledger = {"archive": keys.archive, "path": one.path, "size": one.size, "mtime_ns": one.mtime_ns}
        rows["crosswalk"].append(common | ledger)
        for place, finding in enumerate(FINDINGS):
            gated = place < BOXED
            prediction = {"finding": finding, "probability": 0.9, "gate": float(not gated), "gated": gated}
            rows["predictions"].append(common | prediction | {"n_boxes": 0, "iteration_peaks": [1.0, 1.0, 1.0]})
    columns = {name: SCHEMAS[name].names for name in SCHEMAS}
    return {name: [{column: row.get(column) for column in columns[name]} for row in rows[name]] for name in rows}


def add_films(archive: Path, films: int) -> None:
    """Link so many more films into new folders of an archive."""
    numbers = (number for number in count() if not (archive / f"{number:05d}").exists())
    for start in range(0, films, LINKS_PER_FILE):
        folder = archive / f"{next(numbers):05d}"
        folder.mkdir()
        first = folder / "0000.png"
        shutil.copy(archive / "film.png", first)
        for number in range(1, min(LINKS_PER_FILE, films - start)):
            os.link(first, folder / f"{number:04d}.png")


def make_bundle(directory: Path) -> None:
    network = NetworkSpec(
        backbone="lcnet_050", input_hw=(96, 96), in_channels=1, deep_channels=16, shallow_channels=8, iterations=3
    )
    findings = {name: FindingSpec(gate=float(place >= BOXED)) for place, name in enumerate(FINDINGS)}
    spec = BundleSpec(name="tiny", network=network, findings=findings, provenance={"training": "none: random weights"})
    save_bundle(directory, IAM(network, spec.mining, spec.boxes.merge), spec, "# tiny\n\nRandom weights.\n")


def run(command: list[str]) -> tuple[float, float]:
    """Return a command's wall seconds, and the largest memory of its processes together, MiB."""
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(memory(pid) for pid in family(process.pid)))
            time.sleep(SAMPLED_EVERY_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    return time.perf_counter() - start, peak / 1024


def family(pid: int) -> set[int]:
    """Return a process and those that it started, directly or not."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        after_name = read(f"{path}/stat").rpartition(")")[2].split()
        if after_name:
            parents[int(path.name)] = int(after_name[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def memory(pid: int) -> int:
    """Return the memory of a process, KiB, shared pages divided among those who share them."""
    rollup = dict(line.split(":") for line in read(f"/proc/{pid}/smaps_rollup").splitlines()[1:])
    return int(rollup.get("Pss", "0 kB").split()[0])


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # the process has ended
        return ""


if __name__ == "__main__":
    main()
