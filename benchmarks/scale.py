"""What the size of an archive costs: memory of a harvest, and a run that finds nothing new.

    python benchmarks/scale.py --films 1000 100000 --folder DIR

Each archive is hard links of one phantom film, so that its size is all that differs. The network is the smallest that
there is, of random weights, with two boxed findings on every film: what is measured is what stands around a network.
Memory is that of all processes together (proportional set size, every 0.2 s).
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from harvest.phantom import PhantomRange, write_archive
from models.bundle import save_bundle
from models.findings import FINDINGS
from models.iam import IAM
from models.spec import BundleSpec, FindingSpec, NetworkSpec

LINKS_PER_FILE = 1000
"""A folder's films are one file; file systems allow some 65,000 names for one."""
LONG_SIDE = 256
BOXED = 2
SETTINGS = "[storage]\nattention_above = 1.0\n"
"""Maps of boxed findings only."""
SAMPLED_EVERY_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    bundle, settings = options.folder / "bundle", options.folder / "settings.toml"
    if not bundle.exists():
        make_bundle(bundle)
    settings.write_text(SETTINGS)
    print(f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores")
    print(f"{'films':>8} {'harvest s':>10} {'films/s':>8} {'peak MiB':>9} {'nothing new s':>14} {'peak MiB':>9}")
    for films in options.films:
        archive, lake = options.folder / f"archive-{films}", options.folder / f"lake-{films}"
        if not archive.exists():
            make_archive(archive, films)
        shutil.rmtree(lake, ignore_errors=True)
        command = [sys.executable, "-m", "flows", "run", str(archive), "--model", str(bundle), "--out", str(lake)]
        command += ["--config", str(settings)]
        seconds, peak = run(command)
        again, peak_again = run(command)
        print(
            f"{films:8} {seconds:10.1f} {films / seconds:8.1f} {peak:9.0f} {again:14.1f} {peak_again:9.0f}", flush=True
        )


def make_bundle(directory: Path) -> None:
    network = NetworkSpec(
        backbone="lcnet_050", input_hw=(96, 96), in_channels=1, deep_channels=16, shallow_channels=8, iterations=3
    )
    findings = {name: FindingSpec(gate=float(place >= BOXED)) for place, name in enumerate(FINDINGS)}
    spec = BundleSpec(name="tiny", network=network, findings=findings, provenance={"training": "none: random weights"})
    save_bundle(directory, IAM(network, spec.mining, spec.boxes.merge), spec, "# tiny\n\nRandom weights.\n")


def make_archive(archive: Path, films: int) -> None:
    """Write the archive; it gets its name when it is whole."""
    growing = archive.with_name("growing")
    shutil.rmtree(growing, ignore_errors=True)
    write_archive(growing, PhantomRange(1, long_side=LONG_SIDE))
    (drawn,) = (growing / "images").glob("*.png")
    for start in range(0, films, LINKS_PER_FILE):
        folder = growing / "links" / f"{start // LINKS_PER_FILE:05d}"
        folder.mkdir(parents=True)
        first = folder / f"{start:08d}.png"
        shutil.copy(drawn, first)
        for number in range(start + 1, min(start + LINKS_PER_FILE, films)):
            os.link(first, folder / f"{number:08d}.png")
    (growing / "links").rename(archive)
    shutil.rmtree(growing)


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
