"""Decode thousands of broken films and say what became of them: ``python benchmarks/reliability.py --count 20000``.

Films of every encoding are mutated (``harvest.phantom.mutants``) and decoded as in a run: in decoder processes, under
the limits of ``DecodeConfig``. With ``--folder`` what is done is kept, piece by piece, and a later call goes on there.
Prints Markdown for docs/reliability.md.
"""

import argparse
import json
import resource
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from harvest.batches import iter_films
from harvest.config import DecodeConfig
from harvest.isolation import decoders
from harvest.phantom.encodings import encodings
from harvest.phantom.mutants import MutantArchive
from harvest.phantom.render import render_film

PIECE = 500


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant: encoding of its original, state of its first frame, seconds until it had one."""

    encoding: str
    state: str
    seconds: float


@dataclass(frozen=True)
class Piece:
    """Mutants decoded one after the other; peak memory is that of the largest decoder process, MiB."""

    outcomes: list[Outcome]
    seconds: float
    peak_mib: float


def originals() -> dict[str, bytes]:
    """One small phantom in every encoding, 8 and 12 bits."""
    film = render_film(1, 0, 256).pixels
    files = {}
    for bits, stored in ((8, film), (12, film.astype(np.uint16) * 16)):
        files |= {f"{name}, {bits} bits": encode(stored) for name, encode in encodings(bits).items()}
    return files


def decode_piece(archive: MutantArchive, workers: int, config: DecodeConfig) -> Piece:
    outcomes: dict[str, Outcome] = {}
    start = before = time.monotonic()
    for film in iter_films(archive, archive.iter_objects(), config, (512, 512), workers):
        assert (film.input is None) != (film.rejection is None), "neither image nor rejection, or both"
        state = "accepted" if film.rejection is None else str(film.rejection.reason)
        now = time.monotonic()
        path = film.source.path
        outcomes.setdefault(path, Outcome(archive.original_of(path), state, now - before))
        before = now
    assert len(outcomes) == archive.count, "an object is missing"
    decoders.close()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Piece(list(outcomes.values()), time.monotonic() - start, peak)


def measure(given: argparse.Namespace, config: DecodeConfig, folder: Path) -> list[Piece]:
    """Decode what is not done yet; pieces are files of ``folder``."""
    files, start = originals(), time.monotonic()
    for first in range(0, given.count, PIECE):
        path = folder / f"seed{given.seed}-{first:06d}.json"
        if path.exists() or time.monotonic() - start > 60 * given.minutes:
            continue
        archive = MutantArchive(files, min(PIECE, given.count - first), given.seed, first)
        path.write_text(json.dumps(asdict(decode_piece(archive, given.workers, config))))
    return [read_piece(path) for path in sorted(folder.glob(f"seed{given.seed}-*.json"))]


def read_piece(path: Path) -> Piece:
    raw = json.loads(path.read_text())
    return Piece([Outcome(**one) for one in raw["outcomes"]], raw["seconds"], raw["peak_mib"])


def report(pieces: list[Piece], seed: int, limit_s: float) -> str:
    outcomes = [one for piece in pieces for one in piece.outcomes]
    seconds = sum(piece.seconds for piece in pieces)
    longest, peak = max(one.seconds for one in outcomes), max(piece.peak_mib for piece in pieces)
    lines = [
        f"{len(outcomes):,} mutants (seed {seed}) in {seconds:,.0f} s: every one in",
        f"exactly one state. Longest wait for an object {longest:.1f} s (limit {limit_s:g} s), peak memory of a",
        f"decoder process {peak:,.0f} MiB.",
        "",
        "| state of the object's first frame | objects |",
        "| --- | ---: |",
        *(f"| `{state}` | {number:,} |" for state, number in Counter(one.state for one in outcomes).most_common()),
        "",
        "| mutated | objects | accepted | rejected | decoder crashed | too slow |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(one.encoding for one in outcomes):
        found = Counter(one.state for one in outcomes if one.encoding == name)
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
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="Begin no piece later; report what is done."
    )
    parser.add_argument("--folder", type=Path, help="Where what is done is kept; by default nowhere.")
    given = parser.parse_args()
    config = DecodeConfig(max_seconds=given.max_seconds, include=("not_chest_by_pixels",))
    with TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(report(measure(given, config, folder), given.seed, given.max_seconds))


if __name__ == "__main__":
    main()
