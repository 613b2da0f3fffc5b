"""Kill workers of Dask and of a Prefect work pool in mid-run; say whether rows are those of one process.

``python benchmarks/workers.py --runs 5`` prints Markdown for docs/reliability.md and ends with status 1 where rows
differ. All are processes as an operator starts them, on loopback. In the pool the harvest's own process is suspended
until its helper has computed a shard, so that both have a part in it; then one of them is killed with its worker:
the helper, or (``--writers``) the harvest itself, whose next run then goes on when Prefect's server has found it dead.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import psutil
from trials import HEAD, command, committed, draw, environment, require_equal, start, until

from harvest.lake import Lake

Process = subprocess.Popen[bytes]
SETTINGS = """
[engine]
device = "cpu"
precision = "fp32"
batch_size = 2
decode_workers = 0
[storage]
shard_size = 2
"""
SERVICE = """
[watch]
silent_after = 90
[harvests.ward]
archive = "archive"
lake = "lake"
model = "{model}"
settings = "settings.toml"
site_key = "key"
runner = {{kind = "pool", workers = 2}}
"""


@dataclass
class Trials:
    """Runs over one archive in one place."""

    place: Path
    model: str
    films: int
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def prepare(self) -> None:
        """Draw the archive and harvest it undisturbed."""
        for number in range(self.films):
            draw(self.place / "archive", number)
        (self.place / "key").write_bytes(bytes(range(32)))
        (self.place / "settings.toml").write_text(SETTINGS)
        (self.place / "service.toml").write_text(SERVICE.format(model=self.model))
        done = self.run("reference")
        assert done.wait() == 0, self.said()

    def run(self, lake: str, *more: object) -> Process:
        """Start ``iam-harvest run`` into a lake of the place."""
        words = command("run", "archive", "--out", lake, "--model", self.model, "--config", "settings.toml")
        return start([*words, "--site-key", "key", *map(str, more)], self.place / "log")

    def said(self) -> str:
        """Return the last that all processes said."""
        return "".join(f"\n== {path.name}\n{path.read_text()[-3000:]}" for path in self.place.glob("*log"))

    def require_equal(self) -> None:
        """Compare the lake with the undisturbed one, and make room for the next."""
        require_equal(self.place / "lake", self.place / "reference")
        assert not (self.place / "lake" / "private" / "work").exists()
        shutil.rmtree(self.place / "lake")

    def some_shard(self) -> int:
        """Return a number of shards after which a run is neither begun nor done."""
        return self.chance.randint(1, self.films // 2 - 2)


def dask(trials: Trials, runs: int) -> str:
    """Kill one of two workers of a Dask cluster in each run."""
    killed_after = []
    for _ in range(runs):
        with _dask_cluster(trials.place) as (address, workers):
            run, moment = trials.run("lake", "--runner", "dask", "--address", address), trials.some_shard()
            until(lambda run=run, moment=moment: run.poll() is not None or committed(trials.place / "lake") >= moment)
            assert run.poll() is None, trials.said()
            trials.chance.choice(workers).kill()
            killed_after.append(committed(trials.place / "lake"))
            assert run.wait() == 0, trials.said()
        trials.require_equal()
    return f"| one of two Dask workers is killed | {runs} runs ({_after(killed_after, trials)}) | rows equal |"


@contextmanager
def _dask_cluster(place: Path) -> Iterator[tuple[str, list[Process]]]:
    here = [sys.executable, "-m", "dask"]
    loopback = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(place / "dask.json")]
    with ExitStack() as stack:
        (place / "dask.json").unlink(missing_ok=True)
        scheduler = start([*here, "scheduler", "--port", "0", *loopback], place / "scheduler.log")
        stack.callback(_end, scheduler)
        until((place / "dask.json").exists)
        address = json.loads((place / "dask.json").read_text())["address"]
        lone = ["--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(place)]
        workers = [start([*here, "worker", *loopback, *lone], place / f"dask-{one}.log") for one in range(2)]
        for worker in workers:
            stack.callback(_end, worker)
        yield address, workers


class Pool:
    """A Prefect server, the service deployed to it, and two workers that take one run each."""

    def __init__(self, trials: Trials, url: str) -> None:
        self._trials, self._url = trials, url
        done = subprocess.run(
            command("deploy", "service.toml"), cwd=trials.place, env=self._environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        self.workers = [self._worker(), self._worker()]

    def _environment(self) -> dict[str, str]:
        home = str(self._trials.place / "prefect")
        return environment(PREFECT_API_URL=self._url, PREFECT_HOME=home, PREFECT_WORKER_QUERY_SECONDS="2")

    def _worker(self) -> Process:
        words = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool", "harvest"]
        return start([*words, "--limit", "1"], self._trials.place / "worker.log", **self._environment())

    def share_a_run(self, kill_writer: bool) -> int:
        """Let two workers share a run, kill one with its process; return the shards that were computed before."""
        from prefect import get_client

        lake = self._trials.place / "lake"
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name("harvest-archive/ward").id
            run, runs = client.create_flow_run_from_deployment(deployment).id, len(client.read_flow_runs())
            until(lambda: len(client.read_flow_runs()) > runs)  # it has asked for help
        writer = json.loads((lake / "private" / "writer.json").read_text())["pid"]
        os.kill(writer, signal.SIGSTOP)
        until(lambda: self._shards(lake) and self._helper(lake, writer))
        helper = self._helper(lake, writer)
        done = self._shards(lake)
        if helper is None:
            raise AssertionError("the helper did everything while the writer slept")
        self._kill(writer if kill_writer else helper)
        os.kill(helper if kill_writer else writer, signal.SIGCONT)
        self._end_of(run, deployment)
        return done

    def _shards(self, lake: Path) -> int:
        """Count the shards that lie ready."""
        return len(list(Lake(lake).shared_work.glob("*/*/summary.json")))

    def _helper(self, lake: Path, writer: int) -> int | None:
        """Return the process that holds a claim and is not the writer."""
        for path in Lake(lake).shared_work.glob("*/*.lock"):
            try:
                (pid,) = (int(line[4:]) for line in path.read_text().splitlines() if line.startswith("pid="))
            except (OSError, ValueError):
                continue
            if pid != writer:
                return pid
        return None

    def _kill(self, pid: int) -> None:
        """Kill the process of a run and its worker, as if their machine went; another worker comes."""
        parents = {one.pid for one in psutil.Process(pid).parents()}
        (worker,) = (one for one in self.workers if one.pid in parents)
        for one in (*psutil.Process(worker.pid).children(recursive=True), worker):
            one.kill()
        worker.wait()
        self.workers = [*(one for one in self.workers if one is not worker), self._worker()]

    def _end_of(self, run: UUID, deployment: UUID) -> None:
        """Wait for the end of a run; where it crashed, for that of the next one."""
        from prefect import get_client

        with get_client(sync_client=True) as client:

            def state() -> str:
                return str(client.read_flow_run(run).state_name)

            until(lambda: state() in {"Completed", "Failed", "Crashed"}, 600)
            if state() == "Crashed":
                run = client.create_flow_run_from_deployment(deployment).id
                until(lambda: state() in {"Completed", "Failed", "Crashed"}, 600)
            assert state() == "Completed", self._trials.said()


def pool(trials: Trials, runs: int, writers: int) -> Iterator[str]:
    """Kill helpers, then writers of a harvest that two Prefect workers share."""
    from flows.prefect_server import temporary_server

    with temporary_server() as url, ExitStack() as stack:
        shared = Pool(trials, url)
        stack.callback(lambda: [_end(worker) for worker in shared.workers])
        for name, count in (("helper", runs), ("run that commits", writers)):
            done, began = [], time.monotonic()
            for _ in range(count):
                done.append(shared.share_a_run(name != "helper"))
                trials.require_equal()
            if count:
                each = (time.monotonic() - began) / count
                how = f"{count} runs ({_after(done, trials)}; {each:.0f} s each, until all was done)"
                yield f"| of two Prefect workers the one with the {name} is killed | {how} | rows equal |"


def _after(shards: list[int], trials: Trials) -> str:
    return f"after {', '.join(map(str, shards))} of {trials.films // 2} shards"


def _end(process: Process) -> None:
    process.kill()
    process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--runs", type=int, default=5, help="With a killed worker of Dask; and of the pool.")
    parser.add_argument("--writers", type=int, default=2, help="With a killed run that commits.")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="iam-harvest-workers-") as place:
        trials = Trials(Path(place), given.model, given.films)
        trials.prepare()
        print(HEAD)
        for line in chain([dask(trials, given.runs)], pool(trials, given.runs, given.writers)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
