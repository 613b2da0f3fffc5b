"""A lake in a bucket on loopback (moto's S3), and machines that share it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harvest.bucket.reading import read_state
from harvest.bucket.store import Bucket
from harvest.lake import SCHEMAS, SNAPSHOT, Lake, writing
from harvest.lake_address import folder_to_write
from harvest.publish import publish

EMPTY = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
Machine = Callable[[str], None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Call with a name to go on at a machine of that name; all of them have the file of the site key."""
    (tmp_path / "site.key").write_bytes(bytes(range(32)))
    monkeypatch.setenv("IAM_HARVEST_SITE_KEY", str(tmp_path / "site.key"))

    def sit_at(name: str) -> None:
        monkeypatch.setenv("IAM_HARVEST_CACHE", str(tmp_path / name))

    sit_at("first")
    return sit_at


class BucketLake:
    """A lake of shards without films, and what is in its bucket."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.url)

    @contextmanager
    def at_work(self) -> Iterator[Lake]:
        """Open for writing, with a snapshot, so that it is worth a commit."""
        with writing(folder_to_write(self.url)) as lake:
            if not (lake.root / SNAPSHOT).exists():
                publish(lake.root)
            yield lake

    def harvest(self, *shards: str) -> None:
        """Do what a run does."""
        with self.at_work() as lake:
            for name in shards:
                self.commit(lake, name)
            self.publish(lake)

    def commit(self, lake: Lake, shard: str) -> None:
        lake.commit_shard("f", shard, EMPTY)

    def publish(self, lake: Lake) -> None:
        publish(lake.root, anew=True)
        lake.mark_published()

    def names(self, folder: str = "") -> set[str]:
        return {one["path"] for one in self.bucket.listing(folder)}

    def seen(self) -> list[str]:
        """Shards that a reader on this machine sees."""
        return sorted(path.stem.split("-")[2] for path in (read_state(self.url) / "instances").glob("*.parquet"))


@pytest.fixture
def chest(s3: object, machine: Machine) -> BucketLake:
    """A lake that does not exist yet."""
    return BucketLake("s3://hospital/lakes/chest")


@pytest.fixture
def azure_chest(azure: None, machine: Machine) -> BucketLake:
    """The same in an Azure container."""
    return BucketLake("az://hospital/lakes/chest")
