"""Decode thousands of broken films and say what became of them: ``python benchmarks/reliability.py --count 20000``.

Films of every encoding are mutated (``harvest.phantom.mutants``) and decoded as in a run: in decoder processes, under
the limits of ``DecodeConfig``. Prints Markdown for docs/reliability.md.
"""

import argparse
import resource
import time
from collections import Counter, defaultdict
from itertools import islice

import numpy as np

from harvest.batches import iter_films
from harvest.config import DecodeConfig
from harvest.isolation import decoders
from harvest.phantom.encodings import encodings
from harvest.phantom.mutants import MutantArchive
from harvest.phantom.render import render_film

SHARD = 256


def originals() -> dict[str, bytes]:
    """One small phantom in every encoding, 8 and 12 bits."""
    film = render_film(1, 0, 256).pixels
    files = {}
    for bits, stored in ((8, film), (12, film.astype(np.uint16) * 16)):
        files |= {f"{name}, {bits} bits": encode(stored) for name, encode in encodings(bits).items()}
    return files


def measure(count: int, seed: int, workers: int, config: DecodeConfig, minutes: float) -> str:
    archive = MutantArchive(originals(), count, seed)
    objects = archive.iter_objects()
    states: Counter[str] = Counter()
    by_encoding: dict[str, Counter[str]] = defaultdict(Counter)
    seen: set[str] = set()
    longest, start = 0.0, time.monotonic()
    done = 0
    while time.monotonic() - start < 60 * minutes and (shard := list(islice(objects, SHARD))):
        done += len(shard)
        before = time.monotonic()
        for film in iter_films(archive, shard, config, (512, 512), workers):
            assert (film.input is None) != (film.rejection is None), "neither image nor rejection, or both"
            state = "accepted" if film.rejection is None else str(film.rejection.reason)
            if film.source.path not in seen:
                by_encoding[archive.original_of(film.source.path)][state] += 1
                states[state] += 1
            seen.add(film.source.path)
            now = time.monotonic()
            longest, before = max(longest, now - before), now
    assert len(seen) == done, "an object is missing"
    seconds = time.monotonic() - start
    decoders.close()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return report(states, by_encoding, (done, seed, seconds, longest, peak), config)


def report(
    states: Counter[str],
    by_encoding: dict[str, Counter[str]],
    figures: tuple[int, int, float, float, float],
    config: DecodeConfig,
) -> str:
    count, seed, seconds, longest, peak = figures
    lines = [
        f"{count:,} mutants (seed {seed}) in {seconds:,.0f} s: every one in exactly one state. Longest wait for an",
        f"object {longest:.1f} s (limit {config.max_seconds:g} s), peak memory of a decoder process {peak:,.0f} MiB.",
        "",
        "| state of the object's first frame | objects |",
        "| --- | ---: |",
        *(f"| `{state}` | {number:,} |" for state, number in states.most_common()),
        "",
        "| mutated | objects | accepted | rejected | decoder crashed | too slow |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in by_encoding.items():
        total, crashed, slow = found.total(), found["decoder_crashed"], found["decoder_timeout"]
        rejected = total - found["accepted"] - crashed - slow
        lines.append(f"| {name} | {total:,} | {found['accepted']:,} | {rejected:,} | {crashed} | {slow} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--max-seconds", type=float, default=DecodeConfig().max_seconds)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="Stop early and report what was done.")
    given = parser.parse_args()
    config = DecodeConfig(max_seconds=given.max_seconds)
    print(measure(given.count, given.seed, given.workers, config, given.minutes))


if __name__ == "__main__":
    main()
