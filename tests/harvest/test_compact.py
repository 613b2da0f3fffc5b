"""Small shards put together: the rows stay, the parts are few, and a kill anywhere costs nothing."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harvest.compact import compact
from harvest.config import EngineConfig, HarvestConfig
from harvest.forget import forget
from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.lake import SCHEMAS, Lake, open_lake, writing
from harvest.phantom.sketch import sketch_chest
from harvest.publish import publish
from harvest.rebox import rebox
from harvest.run import RunRequest, run_harvest
from harvest.run_record import latest_complete_run
from harvest.verify import verify

NIGHTS = 4
CONFIG = HarvestConfig(engine=EngineConfig(device="cpu", precision="fp32", batch_size=2, decode_workers=0))


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, tiny_bundle_path: Path) -> RunRequest:
    """An archive of films that came one a night."""
    root = tmp_path_factory.mktemp("nights")
    (root / "archive").mkdir()
    request = RunRequest(str(root / "archive"), str(tiny_bundle_path), root / "lake", config=CONFIG)
    for night in range(NIGHTS):
        Image.fromarray(sketch_chest(night, 90, 70)).save(root / "archive" / f"film{night}.png")
        run_harvest(request)
    return request


@pytest.fixture
def lake(nights: RunRequest, tmp_path: Path) -> Path:
    shutil.copytree(nights.lake, tmp_path / "lake")
    return tmp_path / "lake"


def rows(root: Path) -> dict[str, list[str]]:
    """Every row of the lake's current settings, as text."""
    opened = open_lake(root)
    fingerprint = latest_complete_run(opened)["config_fingerprint"]
    return {
        name: sorted(map(str, opened.read_column_set(name, fingerprint, schema.names).drop(["shard_id"]).to_pylist()))
        for name, schema in SCHEMAS.items()
    }


def shards(root: Path) -> list[str]:
    opened = open_lake(root)
    return opened.shards(latest_complete_run(opened)["config_fingerprint"])


def keys(opened: Lake) -> RunKeys:
    fingerprint = latest_complete_run(opened)["config_fingerprint"]
    return RunKeys("", "", fingerprint, "", "pseudonymize", SiteKey.load_or_create(opened.private / "site.key"))


def compact_all(root: Path, size: int = 256) -> int:
    with writing(root) as opened:
        return compact(opened, keys(opened), size, patience=2)


def test_rows_stay_and_shards_are_few(lake: Path) -> None:
    before = rows(lake)
    assert len(shards(lake)) == NIGHTS
    assert compact_all(lake) == NIGHTS
    assert len(shards(lake)) == 1
    assert rows(lake) == before
    assert all(check.passed for check in verify(lake))
    assert compact_all(lake) == 0, "one is not put together with itself"


def test_shards_are_filled_up_to_their_size(lake: Path) -> None:
    before = rows(lake)
    assert compact_all(lake, size=NIGHTS - 1) == NIGHTS - 1  # of one film each; the last stays alone
    assert len(shards(lake)) == 2
    assert rows(lake) == before


def test_few_small_shards_are_left_alone(lake: Path) -> None:
    with writing(lake) as opened:
        assert compact(opened, keys(opened), 256) == 0
    assert len(shards(lake)) == NIGHTS


def test_a_harvest_does_so_by_itself_and_goes_on_adding_to_the_snapshot(
    nights: RunRequest, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.run.compact", partial(compact, patience=NIGHTS + 1))
    archive = tmp_path / "archive"
    shutil.copytree(nights.archive, archive)
    request = replace(nights, archive=str(archive), lake=lake)
    Image.fromarray(sketch_chest(7, 90, 70)).save(archive / "film7.png")
    assert run_harvest(request).harvested == 1
    assert len(shards(lake)) == 1
    Image.fromarray(sketch_chest(8, 90, 70)).save(archive / "film8.png")
    monkeypatch.setattr("harvest.publish._build", None)  # a snapshot that is built anew would need it
    assert run_harvest(request).harvested == 1
    assert run_harvest(request).harvested == 0
    assert len(shards(lake)) == 2
    assert all(check.passed for check in verify(lake))


def test_what_works_on_a_lake_works_on_a_compacted_one(lake: Path, tmp_path: Path) -> None:
    compact_all(lake)
    rebox(lake, tmp_path / "again")
    assert len(rows(tmp_path / "again")["boxes"]) == len(rows(lake)["boxes"]) > 0
    with writing(lake):
        publish(lake, anew=True)
    assert all(check.passed for check in verify(lake))
    assert forget(lake, "no such study").instances == 0
    assert len(rows(lake)["instances"]) == NIGHTS


class Killed(BaseException):
    """As a kill: nothing handles it."""


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the process, so to speak, instead of the given change of the disk, counted from 0."""
    left = iter(range(step))

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **options: Any) -> Any:
            if next(left, None) is None:
                raise Killed
            return real(*arguments, **options)

        return act

    for name in ("replace", "unlink", "touch"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))


def test_a_kill_anywhere_costs_nothing(lake: Path, tmp_path: Path) -> None:
    before = rows(lake)
    for step in range(200):
        killed = tmp_path / "killed"
        shutil.rmtree(killed, ignore_errors=True)
        shutil.copytree(lake, killed)
        with writing(killed) as opened, pytest.MonkeyPatch.context() as patch:
            names = keys(opened)
            kill_at(step, patch)
            try:
                compact(opened, names, 256, patience=2)
                ended = True
            except Killed:
                ended = False
        with writing(killed) as opened:
            if step % 12 == 0 and opened.unpublished:
                publish(killed)
        assert rows(killed) == before, step
        assert len(shards(killed)) in (NIGHTS, 1), step
        assert step % 12 or all(check.passed for check in verify(killed)), step
        if ended:
            break
    assert ended
    assert step > 25
