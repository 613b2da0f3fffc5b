"""How fast phantom films are drawn and written: films per second, median and spread of several archives.

python benchmarks/phantoms.py
"""

import argparse
import os
import platform
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from harvest.phantom import PhantomRange, write_archive


def measure(image_format: str, films: int, seed: int) -> float:
    """Return films/s of one archive."""
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_archive(Path(folder), PhantomRange(films, image_format, seed))
        return films / (time.perf_counter() - start)


def main() -> None:
    """Alternate the formats, so that a slow minute of the machine meets all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    formats = ("png", "mixed", "dicom")
    rates = [{kind: measure(kind, given.films, seed) for kind in formats} for seed in range(given.repeats)]
    print(
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"n = {given.repeats} archives of {given.films} films, 512 px"
    )
    print("| format | films/s, median | least | most |\n|---|---|---|---|")
    for kind in formats:
        values = [one[kind] for one in rates]
        print(f"| {kind} | {median(values):.0f} | {min(values):.0f} | {max(values):.0f} |")


if __name__ == "__main__":
    main()
