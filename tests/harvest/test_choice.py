"""A lake harvested by two models: its views follow the one that is chosen, and go back with one command."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harvest.choice import choose_model
from harvest.config import EngineConfig, HarvestConfig
from harvest.errors import LakeError
from harvest.lake import open_lake
from harvest.run import RunRequest, run_harvest
from harvest.run_record import latest_complete_run
from harvest.store import query
from harvest.verify import verify

FIGURES = """
SELECT bundle, (SELECT count(*) FROM current_instances) AS films
FROM runs WHERE config_fingerprint IN (FROM current_fingerprint)
"""


@pytest.fixture
def request_(sketched_films: Path, tiny_bundle_path: Path, tmp_path: Path) -> RunRequest:
    config = HarvestConfig(engine=EngineConfig(device="cpu", precision="fp32", decode_workers=0))
    return RunRequest(str(sketched_films), str(tiny_bundle_path), tmp_path / "lake", config=config)


@pytest.fixture
def newer(tiny_bundle_path: Path, tmp_path: Path) -> Path:
    """The same weights as a model of another name."""
    bundle = tmp_path / "newer"
    shutil.copytree(tiny_bundle_path, bundle)
    content = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(content | {"name": "newer"}))
    return bundle


def followed(lake: Path) -> str:
    """Name of the bundle that SQL and Python follow alike; all films are in the views."""
    (row,) = query(lake, FIGURES).to_pylist()
    assert row["films"] == 6
    assert latest_complete_run(open_lake(lake))["bundle"] == row["bundle"]
    return str(row["bundle"])


def test_views_follow_the_latest_run_or_the_model_that_is_chosen(request_: RunRequest, newer: Path) -> None:
    run_harvest(request_)
    assert followed(request_.lake) == "tiny"
    latest = run_harvest(replace(request_, model=str(newer)))
    assert latest.record is not None
    assert followed(request_.lake) == "newer"
    assert query(request_.lake, "SELECT count(*) AS n FROM instances").to_pylist() == [{"n": 12}]

    assert choose_model(request_.lake, "tiny")["bundle"] == "tiny"
    assert followed(request_.lake) == "tiny"
    assert choose_model(request_.lake, latest.record["model_digest"][:12])["bundle"] == "newer"
    assert choose_model(request_.lake, "tiny")["bundle"] == "tiny"
    assert choose_model(request_.lake, "latest")["bundle"] == "newer"
    assert followed(request_.lake) == "newer"
    assert all(check.passed for check in verify(request_.lake))


def test_a_model_that_harvested_nothing_cannot_be_chosen(request_: RunRequest) -> None:
    run_harvest(request_)
    with pytest.raises(LakeError, match=r"There are: tiny \([0-9a-f]{12}\)"):
        choose_model(request_.lake, "demo")
    assert followed(request_.lake) == "tiny"
