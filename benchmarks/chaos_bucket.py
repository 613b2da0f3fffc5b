"""Kill runs into a bucket at random moments, go on with another machine, let two write at once, read meanwhile.

``python benchmarks/chaos_bucket.py --kills 200 --duels 20 --publishes 50 --readers 20`` prints Markdown for
docs/reliability.md and ends with status 1 where anything was lost, doubled or unreadable. The bucket is moto's S3, a
process on loopback that answers one request at a time, so that of two creates one is first; machines are folders.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from chaos import Chaos, draw, fork, options, require_equal, require_readable, went_well

from harvest.bucket import lease
from harvest.bucket.home import CACHE, SITE_KEY
from harvest.bucket.log import COMMITS, OBJECTS, commit_number, read_commit, read_head
from harvest.bucket.store import Bucket
from harvest.errors import LakeError, LakeLockedError
from harvest.lake_address import folder_to_query, folder_to_read, folder_to_write
from harvest.run import run_harvest

BUCKET = "s3://chaos"
SERVER = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
application = DomainDispatcherApplication(create_backend_app)
make_server("127.0.0.1", int(sys.argv[1]), application, request_handler=MotoRequestHandler).serve_forever()
"""
MACHINES = ("one", "two")
SHORT_LEASE_S = 0.5
"""Instead of a minute, so that another machine takes over within seconds."""


@contextmanager
def store() -> Iterator[int]:
    """Run a server with a bucket, to which the environment points; yields its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = {"ENDPOINT_URL": f"http://127.0.0.1:{port}", "REGION": "us-east-1", "ALLOW_HTTP": "true"}
    os.environ |= {f"AWS_{name}": value for name, value in names.items()}
    os.environ |= {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine"}
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL) as server:
        try:
            address = os.environ["AWS_ENDPOINT_URL"]
            make = ["curl", "-s", "--retry", "99", "--retry-delay", "1", "--retry-connrefused", "-X", "PUT"]
            subprocess.run([*make, f"{address}/chaos"], check=True, stdout=subprocess.DEVNULL)
            yield server.pid
        finally:
            server.terminate()


class BucketChaos(Chaos):
    """The trials; each leaves a line of figures."""

    def __init__(self, place: Path, model: str, films: int) -> None:
        """Draw an archive, and harvest it undisturbed: on disk, whose rows count, and into the bucket for its time."""
        super().__init__(place, model, films)
        os.environ[SITE_KEY] = str(place / "key")
        lease.LEASE_S = SHORT_LEASE_S
        start = time.monotonic()
        assert went_well(fork(lambda: self.run(f"{BUCKET}/calm", "one")))
        self.seconds = time.monotonic() - start
        assert went_well(fork(lambda: self.require_sound(f"{BUCKET}/calm")))

    def run(self, url: str, machine: str, archive: Path | None = None) -> None:
        """Harvest into a lake in the bucket."""
        self.sit_at(machine)
        run_harvest(self.request(folder_to_write(url), archive))

    def sit_at(self, machine: str) -> None:
        """Be another machine."""
        os.environ[CACHE] = str(self.place / machine)

    def require_sound(self, url: str) -> None:
        """Compare with the undisturbed run what a reader sees; what commits list is in the bucket."""
        self.sit_at("reader")
        require_equal(folder_to_read(url), self.place / "reference")
        bucket = Bucket(url)
        commits = [read_commit(bucket, commit_number(one["path"])) for one in bucket.listing(COMMITS)]
        objects = {one["path"] for one in bucket.listing(OBJECTS)}
        assert objects >= {entry.object for one in commits for entry in one.files.values()}, "a commit without objects"

    def require_seen(self, url: str) -> None:
        """Read, where a run has ended, and note how many shards are committed.

        In a process of its own, as all that asks the bucket: the client's threads do not live on in a fork.
        """
        self.sit_at("reader")
        committed = sum("private/crosswalk" in path for path in read_head(Bucket(url)).files)
        (self.place / "committed").write_text(str(committed))
        try:
            folder = folder_to_query(url)
        except LakeError as error:
            assert "none of its runs has ended" in str(error), error
            return
        require_readable(folder)

    def kills(self, count: int, seed: int, minutes: float) -> None:
        """Kill runs of one lake, each on another machine, until one comes to its end, look, and begin another lake."""
        moments, start = random.Random(seed), time.monotonic()
        killed = ended = refused = 0
        after: Counter[str] = Counter()
        while killed < count and time.monotonic() - start < 60 * minutes:
            url = f"{BUCKET}/lake-{ended}"
            machine = moments.choice(MACHINES)
            child = fork(lambda url=url, machine=machine: self.run(url, machine))
            time.sleep(moments.uniform(0, 1.1 * self.seconds))
            os.kill(child, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status == 0:
                ended += 1
                assert went_well(fork(lambda url=url: self.require_sound(url)))
            elif status == -signal.SIGKILL:
                killed += 1
                assert went_well(fork(lambda url=url: self.require_seen(url)))
                after[f"{(self.place / 'committed').read_text()} shards committed"] += 1
            else:  # the killed one was heard of less than a lease ago
                refused += 1
        url = f"{BUCKET}/lake-{ended}"
        assert went_well(fork(lambda: self.run(url, "one")))
        assert went_well(fork(lambda: self.require_sound(url)))
        shown = ", ".join(f"{name}: {number}" for name, number in sorted(after.items()))
        self.lines.append(
            f"| SIGKILL at a random moment of a run into a bucket, which another machine goes on with | {killed} kills "
            f"({shown}), {ended + 1} runs came to their end, {refused} were told that another one writes "
            "| rows equal to an undisturbed run on disk each time; readable after each kill |"
        )

    def duels(self, count: int, seed: int) -> None:
        """Let two machines write at once, each of which takes the other one for gone."""
        moments = random.Random(seed)
        outcomes: Counter[str] = Counter()
        for number in range(count):
            url = f"{BUCKET}/duel-{number}"
            first = fork(self._overtaking(lambda url=url: self.run(url, "one")))
            time.sleep(moments.uniform(0, self.seconds))
            second = fork(self._overtaking(lambda url=url: self.run(url, "two")))
            ends = [went_well(first), went_well(second)]
            outcomes[f"{sum(ends)} of two came to their end"] += 1
            assert went_well(fork(lambda url=url: self.run(url, "one")))
            assert went_well(fork(lambda url=url: self.require_sound(url)))
        shown = ", ".join(f"{name}: {number}" for name, number in sorted(outcomes.items()))
        self.lines.append(
            f"| two machines write at once, each takes the other one for gone | {count} times ({shown}) | one sentence "
            "for who lost; rows equal after the same command |"
        )

    def _overtaking(self, work: Callable[[], None]) -> Callable[[], None]:
        def overtake() -> None:
            lease.Lease._looks_gone = lambda _self, _seen: True  # type: ignore[method-assign]
            try:
                work()
            except LakeLockedError as error:
                raise SystemExit(f"as it should: {error}") from None

        return overtake

    def readers(self, count: int, publishes: int) -> None:
        """Query in many processes while films come in and are published one by one."""
        archive, url, stop = self.place / "growing", f"{BUCKET}/read", self.place / "stop"
        draw(archive, 0)
        assert went_well(fork(lambda: self.run(url, "one", archive)))

        def publish_all() -> None:
            for number in range(1, publishes + 1):
                draw(archive, number)
                self.run(url, MACHINES[number % 2], archive)

        def read(number: int) -> None:
            done = 0
            while not stop.exists():
                self.require_seen(url)
                done += 1
            (self.place / f"queries-{number}").write_text(str(done))

        children = [fork(lambda number=number: read(number)) for number in range(count)]
        published = went_well(fork(publish_all))
        stop.touch()
        well = [went_well(child) for child in children]
        queries = sum(int(path.read_text()) for path in self.place.glob("queries-*"))
        assert published
        assert all(well), f"{well.count(False)} readers met an error"
        self.lines.append(
            f"| {count} processes fetch and read while two machines publish {publishes} times in turn | "
            f"{queries:,} queries | no error, each saw a whole run |"
        )

    def silence(self, server: int) -> None:
        """Stop the store for some seconds of a run."""
        url = f"{BUCKET}/silent"
        child = fork(lambda: self.run(url, "one"))
        time.sleep(self.seconds / 2)
        os.kill(server, signal.SIGSTOP)
        time.sleep(3)
        os.kill(server, signal.SIGCONT)
        assert went_well(child)
        assert went_well(fork(lambda: self.require_sound(url)))
        self.lines.append("| the store does not answer for 3 s of a run | the run waits | rows equal |")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--duels", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory(prefix="iam-harvest-chaos-") as place, store() as server:
        chaos = BucketChaos(Path(place), given.model, given.films)
        chaos.kills(given.kills, given.seed, given.minutes)
        chaos.duels(given.duels, given.seed)
        chaos.silence(server)
        chaos.readers(given.readers, given.publishes)
    print("\n".join(["| what was done | how often | what came of it |", "| --- | --- | --- |", *chaos.lines]))


if __name__ == "__main__":
    main()
