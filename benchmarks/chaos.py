"""Kill runs at random moments, fill the disk, take the right to write, read while others publish; say what came of it.

``python benchmarks/chaos.py --kills 200 --publishes 50 --readers 20`` prints Markdown for docs/reliability.md and ends
with status 1 where anything was lost, doubled or unreadable. Runs are forked from a process that has everything loaded,
so that a kill hits a run and not its start; killing is SIGKILL.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from trials import HEAD, draw, require_equal

import harvest.pipeline
import harvest.report.write  # noqa: F401 - both loaded before the forks
from harvest.config import EngineConfig, HarvestConfig, StorageConfig
from harvest.errors import IamHarvestError
from harvest.lake import SNAPSHOT
from harvest.run import RunRequest, run_harvest
from harvest.store import query

CONFIG = HarvestConfig(
    engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0),
    storage=StorageConfig(shard_size=2),
)
WHOLE = """
SELECT (SELECT count(*) FROM instances) AS instances, coalesce(sum(runs.instances), 0) AS told FROM runs
WHERE status = 'complete'
"""


def fork(work: Callable[[], object]) -> int:
    """Do something in a process of its own, whose status is 0 where it went well; returns its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def went_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def require_readable(lake: Path) -> None:
    if (lake / SNAPSHOT).exists():
        (found,) = query(lake, WHOLE).to_pylist()
        assert found["instances"] == found["told"], found


class Chaos:
    """The trials; each leaves a line of figures."""

    def __init__(self, place: Path, model: str, films: int) -> None:
        self.place, self.model = place, model
        self.lines: list[str] = []
        for number in range(films):
            draw(place / "archive", number)
        (place / "key").write_bytes(bytes(range(32)))
        start = time.monotonic()
        assert went_well(fork(lambda: run_harvest(self.request(place / "reference"))))
        self.seconds = time.monotonic() - start

    def request(self, lake: Path, archive: Path | None = None) -> RunRequest:
        """Return the harvest of an archive into a lake."""
        return RunRequest(
            str(archive or self.place / "archive"), self.model, lake, config=CONFIG, site_key=self.place / "key"
        )

    def kills(self, count: int, seed: int, minutes: float) -> None:
        """Kill runs of one lake until one comes to its end, look, and begin with another lake."""
        moments = random.Random(seed)
        killed = ended = readable = 0
        after: Counter[str] = Counter()
        lake, start = self.place / "lake-0", time.monotonic()
        while killed < count and time.monotonic() - start < 60 * minutes:
            child = fork(lambda lake=lake: run_harvest(self.request(lake)))
            time.sleep(moments.uniform(0, 1.1 * self.seconds))
            os.kill(child, signal.SIGKILL)
            if went_well(child):
                ended += 1
                assert went_well(fork(lambda lake=lake: require_equal(lake, self.place / "reference")))
                shutil.rmtree(lake)
                lake = self.place / f"lake-{ended}"
                continue
            killed += 1
            after[f"{len(list((lake / 'private' / 'crosswalk').glob('part-*')))} shards committed"] += 1
            assert went_well(fork(lambda lake=lake: require_readable(lake)))
            readable += 1
        assert went_well(fork(lambda: run_harvest(self.request(lake))))
        assert went_well(fork(lambda: require_equal(lake, self.place / "reference")))
        shown = ", ".join(f"{name}: {number}" for name, number in sorted(after.items()))
        self.lines.append(
            f"| SIGKILL at a random moment of a run | {killed} kills ({shown}), {ended + 1} runs came to their end | "
            f"rows equal to an undisturbed run each time; readable after each kill |"
        )

    def full_disk(self) -> None:
        """Run into a file system that is too small, give it room, run again."""
        with small_disk(self.place / "disk", "256k") as disk:
            assert went_well(fork(lambda: must_fail(self.request(disk / "lake"))))
            mount("-o", "remount,size=64m", str(disk))
            assert went_well(fork(lambda: run_harvest(self.request(disk / "lake"))))
            assert went_well(fork(lambda: require_equal(disk / "lake", self.place / "reference")))
            mount("-o", "remount,ro", str(disk))
            draw(self.place / "more", 1000)
            assert went_well(fork(lambda: must_fail(self.request(disk / "lake", self.place / "more"))))
            assert went_well(fork(lambda: require_equal(disk / "lake", self.place / "reference")))
        self.lines.append("| the disk is full | one sentence; the same command with room | rows equal |")
        self.lines.append("| the lake becomes read-only | one sentence; queries go on | rows equal |")

    def readers(self, count: int, publishes: int) -> None:
        """Query in many processes while films come in and are published one by one."""
        archive, lake, stop = self.place / "growing", self.place / "read", self.place / "stop"
        draw(archive, 0)
        assert went_well(fork(lambda: run_harvest(self.request(lake, archive))))
        readers = [fork(lambda number=number: self._read(lake, stop, number)) for number in range(count)]

        def publish_all() -> None:
            for number in range(1, publishes + 1):
                draw(archive, number)
                run_harvest(self.request(lake, archive))

        published = went_well(fork(publish_all))
        stop.touch()
        well = [went_well(reader) for reader in readers]
        queries = sum(int(path.read_text()) for path in self.place.glob("queries-*"))
        assert published
        assert all(well), f"{well.count(False)} readers met an error"
        self.lines.append(
            f"| {count} processes read during {publishes} publishes | {queries:,} queries "
            "| no error, each saw a whole run |"
        )

    def _read(self, lake: Path, stop: Path, number: int) -> None:
        done = 0
        while not stop.exists():
            require_readable(lake)
            done += 1
        (self.place / f"queries-{number}").write_text(str(done))


def must_fail(request: RunRequest) -> None:
    try:
        run_harvest(request)
    except (OSError, IamHarvestError) as error:
        print(f"as it should: {type(error).__name__}: {error}", file=sys.stderr)
        return
    raise AssertionError("a run wrote where it cannot")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "iam-harvest-chaos", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def options(description: str | None) -> argparse.ArgumentParser:
    """Return the options that chaos on disk and in a bucket share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--publishes", type=int, default=50)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="Kill no longer, and report what was done.")
    return parser


def main() -> None:
    given = options(__doc__).parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory(prefix="iam-harvest-chaos-") as place:
        chaos = Chaos(Path(place), given.model, given.films)
        if given.kills:
            chaos.kills(given.kills, given.seed, given.minutes)
        if os.geteuid() == 0:
            chaos.full_disk()
        else:
            chaos.lines.append("| the disk is full, the lake read-only | not tried: mounting needs root | |")
        if given.publishes:
            chaos.readers(given.readers, given.publishes)
    print("\n".join([HEAD, *chaos.lines]))


if __name__ == "__main__":
    main()
