"""A lake in an Azure container."""

import threading
from typing import TYPE_CHECKING

import pytest

from harvest.bucket.log import read_head
from harvest.bucket.store import Bucket, version_of
from harvest.errors import LakeLockedError
from harvest.lake_address import folder_to_read
from harvest.verify import verify

if TYPE_CHECKING:
    from tests.harvest.bucket.conftest import BucketLake, Machine

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("azure")]


def test_of_many_who_put_one_does_and_a_version_is_replaced_once() -> None:
    bucket = Bucket("az://hospital/race")
    for number in range(10):
        won: list[int] = []

        def put(writer: int, name: str = f"commits/{number}", won: list[int] = won) -> None:
            if Bucket(bucket.url).put_new(name, str(writer).encode()) is not None:
                won.append(writer)

        threads = [threading.Thread(target=put, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert bucket.get(f"commits/{number}") == str(won[0]).encode()
    found = bucket.get_with_meta("commits/0")
    assert found is not None
    assert bucket.replace("commits/0", b"new", version_of(found[1])) is not None
    assert bucket.replace("commits/0", b"newer", version_of(found[1])) is None


def test_a_lake_lies_there_as_in_s3(azure_chest: "BucketLake", machine: "Machine") -> None:
    azure_chest.harvest("a")
    with azure_chest.at_work() as lake:
        azure_chest.commit(lake, "b")
        machine("second")
        assert azure_chest.seen() == ["a"]
        with pytest.raises(LakeLockedError, match="writes to"), azure_chest.at_work():
            pass
    azure_chest.harvest("c")
    assert azure_chest.seen() == ["a", "b", "c"]
    assert all(check.passed for check in verify(folder_to_read(azure_chest.url)))
    with azure_chest.at_work() as lake:
        lake.purge()
    assert {entry.object for entry in read_head(azure_chest.bucket).files.values()} == azure_chest.names("objects/")
