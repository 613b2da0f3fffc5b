"""A lake in a bucket, by the flow and by the command line: an address where there was a directory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client

from flows.harvest_archive import HarvestOptions, harvest_archive
from flows.service.lineage import run_event
from flows.service.spec import HarvestSpec
from flows.service.stock import is_written
from harvest.config import EngineConfig, HarvestConfig
from harvest.lake import writing
from harvest.lake_address import folder_to_query, folder_to_write
from harvest.run import open_session
from harvest.store import query

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("s3")]
URL = "s3://hospital/lakes/chest"
FILMS = 11


@pytest.fixture
def site_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAM_HARVEST_CACHE", str(tmp_path / "cache"))
    (tmp_path / "site.key").write_bytes(bytes(range(32)))
    return tmp_path / "site.key"


@pytest.mark.usefixtures("prefect_server")
def test_a_flow_writes_there(small_archive: Path, tiny_bundle_path: Path, site_key: Path, tmp_path: Path) -> None:
    config = HarvestConfig(engine=EngineConfig(decode_workers=0))
    options = HarvestOptions(site_key=site_key, config=config)
    assert harvest_archive(str(small_archive), str(tiny_bundle_path), URL, options).harvested == FILMS
    assert query(folder_to_query(URL), "SELECT count(*) AS n FROM instances").to_pylist() == [{"n": FILMS}]
    with get_client(sync_client=True) as client:
        assert URL in {run.parameters["lake"] for run in client.read_flow_runs()}
    spec = HarvestSpec(archive=str(small_archive), model=str(tiny_bundle_path), lake=URL)
    assert not is_written(URL)
    with open_session(spec.request()) as session:
        assert is_written(URL)
        (output,) = run_event(session, "START")["outputs"]
        assert output == {"namespace": "s3://hospital", "name": "lakes/chest"}


def test_a_writer_on_another_machine_counts(site_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(folder_to_write(URL), site_key):
        monkeypatch.setenv("IAM_HARVEST_CACHE", str(tmp_path / "other"))
        assert is_written(URL)
    assert not is_written(URL)


def test_commands_take_its_address(
    cli: Callable[..., Any], small_archive: Path, tiny_bundle_path: Path, site_key: Path, tmp_path: Path
) -> None:
    asked = ("run", small_archive, "--model", tiny_bundle_path, "--out", URL, "--device", "cpu")
    refused = cli(*asked)
    assert refused.code == 1 and "--site-key" in refused.err
    planned = cli(*asked, "--site-key", site_key, "--dry-run")
    assert f"into {URL}" in planned.out
    assert cli("sql", URL).code == 1, "a plan makes no lake"
    done = cli(*asked, "--site-key", site_key)
    assert f"sql {URL} boxes_per_finding" in done.out
    assert "Nothing new" in cli(*asked).out
    assert len(json.loads(cli("sql", URL, "boxes_per_finding", "--json", "-").out)) > 0
    for command in (
        ("verify", URL),
        ("report", URL),
        ("export", URL, "--format", "coco", "--out", tmp_path / "boxes.json"),
        ("use", URL, "tiny"),
        ("rebuild", URL),
        ("rebox", URL, "--out", tmp_path / "lake"),
        ("import", URL, tmp_path / "boxes.json"),
        ("forget", URL, "nobody"),
    ):
        outcome = cli(*command)
        assert outcome.code == 0, (command, outcome)
    assert cli("sql", URL, "--query", "SELECT 1 FROM annotated_boxes LIMIT 1").code == 0
    wrong = cli("sql", "ftp://hospital/lakes/chest", "boxes_per_finding")
    assert wrong.code == 1 and "no place for a lake" in wrong.err
