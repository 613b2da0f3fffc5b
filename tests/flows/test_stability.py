"""``stability``: films of a lake localized again with their input moved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harvest.run import RunRequest, run_harvest
from harvest.store import query

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def lake(small_archive: Path, tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lakes") / "lake"
    run_harvest(RunRequest(str(small_archive), str(tiny_bundle_path), root))
    return root


def test_every_film_is_moved_four_ways_and_kept_as_a_table(cli: Cli, lake: Path, tiny_bundle_path: Path) -> None:
    outcome = cli("stability", lake, "--model", tiny_bundle_path, "--films", 3, "--pixels", 2, "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    rows = query(lake, "SELECT * FROM box_stability").to_pylist()
    assert told["films"] == len({row["instance_key"] for row in rows}) == 3
    assert {(row["shift_x"], row["shift_y"]) for row in rows} == {(2, 0), (-2, 0), (0, 2), (0, -2)}
    assert sum(one["shifts"] for one in told["findings"]) == len(rows)
    assert all((row["iou"] is None) <= (not (row["gated"] and row["shifted_gated"])) for row in rows)
    stored = query(lake, "SELECT instance_key, finding, probability FROM predictions").to_pylist()
    known = {(row["instance_key"], row["finding"]): row["probability"] for row in stored}
    assert all(
        row["probability"] == pytest.approx(known[row["instance_key"], row["finding"]], abs=0.02) for row in rows
    )


def test_another_bundle_is_refused(cli: Cli, lake: Path) -> None:
    outcome = cli("stability", lake, "--model", "demo")
    assert outcome.code == 1
    assert "another bundle" in outcome.err
