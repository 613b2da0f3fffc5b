"""Who may write to a lake in a bucket, with which key, and where there can be one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harvest.bucket import lease
from harvest.bucket.log import COMMITS, FORMAT_FILE, OBJECTS
from harvest.bucket.store import Bucket
from harvest.errors import LakeError, LakeLockedError, NewerLakeError, SettingsError
from harvest.lake import writing
from harvest.lake_address import folder_to_change, folder_to_read, folder_to_write

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

    from tests.harvest.bucket.conftest import BucketLake, Machine

pytestmark = pytest.mark.services


def test_a_second_writer_is_told_who_writes(chest: "BucketLake", machine: "Machine") -> None:
    with chest.at_work():
        machine("second")
        with pytest.raises(LakeLockedError, match=r"Process \d+ of .* on .* writes to 's3"), chest.at_work():
            pass
    chest.harvest("a")
    assert "writer.json" not in chest.names()


def test_a_writer_that_looks_gone_is_replaced_and_cannot_commit_any_more(
    chest: "BucketLake", machine: "Machine", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_S", 0.9)
    monkeypatch.setattr(lease, "_age", lambda _meta: 100.0)
    monkeypatch.setattr(lease.Lease, "_breathe", lambda _self: None)
    chest.harvest("a")
    with pytest.raises(LakeLockedError, match="committed"), chest.at_work() as suspended:
        machine("second")
        chest.harvest("b")
        chest.commit(suspended, "c")
    assert chest.seen() == ["a", "b"]
    machine("first")
    chest.harvest("c")
    assert chest.seen() == ["a", "b", "c"]


def test_a_writer_that_breathes_is_not_replaced_and_one_that_was_finds_out(
    chest: "BucketLake", machine: "Machine", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_S", 0.9)
    monkeypatch.setattr(lease, "_age", lambda _meta: 100.0)
    chest.harvest("a")
    with pytest.raises(LakeLockedError, match="silent"), chest.at_work() as lake:
        machine("second")
        with pytest.raises(LakeLockedError, match="writes to"), chest.at_work():
            pass
        chest.bucket.put("writer.json", b'{"token": ""}')
        while True:
            chest.commit(lake, "b")
            lake.remove_shard("f", "b")
            chest.commit(lake, "c")


def test_a_writer_killed_on_this_machine_is_replaced_at_once(chest: "BucketLake", machine: "Machine") -> None:
    chest.harvest("a")
    with chest.at_work():
        card = chest.bucket.get("writer.json") or b""
    chest.bucket.put("writer.json", card)
    chest.harvest("b")
    chest.bucket.put("writer.json", card)
    machine("second")
    with pytest.raises(LakeLockedError, match="writes to"), chest.at_work():
        pass


def test_the_private_folder_is_sealed_and_the_site_key_stays_here(chest: "BucketLake", machine: "Machine") -> None:
    with chest.at_work() as lake:
        (lake.private / "archives.json").write_text('{"ward": "Mueller"}')
    private = [name for name in chest.names(OBJECTS) if "private" in name]
    assert private and all(name.endswith(".sealed") for name in private)
    assert not any("site" in name for name in chest.names())
    stored = b"".join(chest.bucket.get(name) or b"" for name in chest.names())
    assert b"Mueller" not in stored and bytes(range(32)) not in stored
    machine("second")
    assert (folder_to_read(chest.url) / "private" / "archives.json").read_text() == '{"ward": "Mueller"}'


def test_another_machine_needs_the_same_site_key(
    chest: "BucketLake", machine: "Machine", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IAM_HARVEST_SITE_KEY")
    with pytest.raises(SettingsError, match=r"site key of your own.*--site-key"), chest.at_work():
        pass
    with writing(folder_to_write(chest.url), tmp_path / "site.key"):
        pass
    chest.harvest("a")  # the key is known from now on
    machine("second")
    with pytest.raises(SettingsError, match=r"was made with.*--site-key"), chest.at_work():
        pass
    (tmp_path / "other.key").write_bytes(b"x" * 32)
    with (
        pytest.raises(SettingsError, match="not the site key"),
        writing(folder_to_write(chest.url), tmp_path / "other.key"),
    ):
        pass
    with writing(folder_to_write(chest.url), tmp_path / "site.key") as lake:
        assert lake.shards("f") == ["a"]


@pytest.mark.usefixtures("chest")
def test_what_is_no_place_for_a_lake_is_refused() -> None:
    for url, error, message in (
        ("s3://none/lake", LakeError, "no bucket"),
        ("ftp://hospital/lake", SettingsError, "no place"),
        ("s3://me:secret@hospital/lake", SettingsError, "environment"),
        ("s3://hospital/lake?signature=secret", SettingsError, "environment"),
    ):
        with pytest.raises(error, match=message) as caught, writing(folder_to_write(url)):
            pass
        assert "secret" not in str(caught.value)
    Bucket("s3://hospital/films").put("a.dcm", b"film")
    with pytest.raises(LakeError, match="not empty"), writing(folder_to_write("s3://hospital/films")):
        pass


def test_a_newer_lake_is_refused(chest: "BucketLake") -> None:
    chest.harvest("a")
    content: dict[str, Any] = json.loads(chest.bucket.get(FORMAT_FILE) or b"")
    chest.bucket.put(FORMAT_FILE, json.dumps(content | {"format": 99}).encode())
    for use in (folder_to_read, folder_to_change):
        with pytest.raises(NewerLakeError, match="upgrade"):
            use(chest.url)


def test_a_store_that_ignores_the_condition_keeps_no_lake(chest: "BucketLake", s3: "ThreadedMotoServer") -> None:
    assert s3._server is not None
    app = s3._server.app

    def deaf(environ: dict[str, Any], start: Any) -> Any:
        environ.pop("HTTP_IF_NONE_MATCH", None)
        return app(environ, start)

    s3._server.app = deaf
    with pytest.raises(LakeError, match="If-None-Match"):
        chest.harvest("a")
    assert not chest.names(COMMITS)


def test_a_store_out_of_reach_is_said_clearly(
    chest: "BucketLake", s3: "ThreadedMotoServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.bucket.store.PATIENCE_S", 1.0)
    chest.harvest("a")
    s3.stop()
    with pytest.raises(LakeError, match="out of reach"), chest.at_work():
        pass
