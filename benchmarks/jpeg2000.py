"""JPEG 2000 of 2500 x 2048 pixels, 12 bits: decoding and the whole harvest, whole and reduced.

    python benchmarks/jpeg2000.py --folder DIR

First from bytes to the stored values, by every decoder that is installed, and by the harvest's own at the size that
`demo` looks at, taking turns on one core. Then ``run`` with `demo` over a folder of such films, with
``decode.reduced`` off and on; steady state, from the end of the first shard to that of the last.
"""

import argparse
import logging
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from decode import Stored, decoders_of, reader
from machine import describe_machine
from PIL import Image
from throughput import Clock

from harvest.config import DecodeConfig, HarvestConfig
from harvest.decode.dataset import read_object
from harvest.decode.frames import iter_frames
from harvest.decode.layout import read_layout
from harvest.phantom.encodings import encodings
from harvest.phantom.render import render_film
from harvest.run import RunRequest, run_harvest

ROWS, COLUMNS = 2500, 2048
FACTOR = 8
"""`demo` looks at 256 x 256."""
SYNTAXES = {"lossless": "JPEG2000Lossless", "8 : 1": "JPEG2000"}
DRAWN = 16
"""Different films; the others are links to these."""
Rates = dict[str, list[float]]


def film(number: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Return a phantom of 12 stored bits, with noise in the lowest, as a detector has."""
    shown = Image.fromarray(render_film(7, number, 2048).pixels).resize((COLUMNS, ROWS))
    noise = np.random.default_rng(number).integers(0, 16, (ROWS, COLUMNS))
    return (np.asarray(shown).astype(np.uint16) * 16 + noise).astype(np.uint16)


def draw(folder: Path, kind: str, films: int) -> Path:
    """Return a folder of so many files, made where there is none."""
    place = folder / f"{SYNTAXES[kind]}-{films}"
    if not place.exists():
        building = place.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        encode = encodings(12)[SYNTAXES[kind]]
        for number in range(films):
            path = building / f"{number:06d}.dcm"
            if number < DRAWN:
                path.write_bytes(encode(film(number)))
            else:
                os.link(building / f"{number % DRAWN:06d}.dcm", path)
        building.rename(place)
    return place


def whole(decoder: str, used: str, data: bytes) -> Stored:
    """Return the stored values (rows, columns) by a decoder; ``used`` is the harvest's own."""
    return reader(data, decoder, used)()


def reduced(data: bytes) -> object:
    """Decode stored values at the size that is looked at, as the harvest does."""
    source = read_object(data, len(data) * 20)
    (frame,) = iter_frames(source, read_layout(source, DecodeConfig()), FACTOR)
    assert frame.factor == FACTOR, "not reduced"
    return frame


def decoders(data: bytes) -> dict[str, Callable[[bytes], object]]:
    layout = read_layout(read_object(data, len(data) * 20), DecodeConfig())
    found = {name: partial(whole, name, layout.decoder) for name in decoders_of(layout.syntax, layout.decoder)}
    return found | {"reduced to an eighth": reduced}


def decode_rates(folder: Path, rounds: int) -> Rates:
    """Milliseconds of a film for every decoder, a round each."""
    films = [path.read_bytes() for path in sorted(folder.iterdir())[:DRAWN]]
    taken: Rates = {}
    for _ in range(rounds):
        for name, decode in decoders(films[0]).items():
            start = time.perf_counter()
            for one in films:
                decode(one)
            taken.setdefault(name, []).append(1000 * (time.perf_counter() - start) / len(films))
    return taken


def run_rates(folder: Path, films: int, rounds: int) -> Rates:
    """Films per second of ``run``, whole and reduced."""
    rates: Rates = {}
    for _ in range(rounds):
        for name, smaller in (("whole", False), ("reduced", True)):
            config = HarvestConfig.model_validate(
                {
                    "decode": {"reduced": smaller, "include": ["not_chest_by_pixels"]},
                    "storage": {"shard_size": films // 4},
                }
            )
            clock = Clock()
            with TemporaryDirectory() as lake:
                run_harvest(RunRequest(str(folder), "demo", Path(lake) / "lake", None, config), clock)
            rates.setdefault(name, []).append(clock.steady.rate)
    return rates


def show(title: str, unit: str, values: Rates) -> None:
    print(f"\n| {title} | {unit}: median | least | most |\n| --- | ---: | ---: | ---: |")
    for name, one in values.items():
        print(f"| {name} | {median(one):.1f} | {min(one):.1f} | {max(one):.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--films", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    logging.getLogger("harvest").setLevel(logging.ERROR)
    print(f"{describe_machine()}; {ROWS} x {COLUMNS}, 12 bits, n = {given.rounds} rounds")
    for kind in SYNTAXES:
        folder = draw(given.folder, kind, given.films)
        size = sum(path.stat().st_size for path in sorted(folder.iterdir())[:DRAWN]) / DRAWN / 2**20
        taken = decode_rates(folder, given.rounds)
        show(f"{kind}, {size:.1f} MiB a film; decoder", "ms a film", taken)
        small = median(taken.pop("reduced to an eighth"))
        print(f"\nReduced: {min(map(median, taken.values())) / small:.1f} times as fast as the fastest whole decoder.")
        rates = run_rates(folder, given.films, given.rounds)
        show(f"{kind}; run, demo", "films/s", rates)
        print(f"\nReduced: {median(rates['reduced']) / median(rates['whole']):.1f} times as fast.", flush=True)


if __name__ == "__main__":
    main()
