"""Publishing adds what is new to the snapshot where it can, and gives what a full build gives, row by row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harvest.errors import IntegrityError
from harvest.lake import writing
from harvest.publish import publish
from harvest.sql_files import read_sql
from harvest.store import connect

FINGERPRINT = "1" * 16
NIGHTS: list[dict[str, Any]] = [
    {"a1": {"Effusion": (0.9, ((100, 600, 300, 800),)), "Mass": (0.2, ())}, "b1": {}, "bad": {}},
    {"a3": {"Effusion": (0.8, ((100, 600, 400, 800), (100, 650, 300, 800)))}},
    {"a2": {"Effusion": (0.4, ()), "Nodule": (0.6, ((700, 200, 750, 250),))}},
]
"""Films of three runs; patient A has one in each."""
Commit = Callable[..., None]


def tables(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of every table and view, in the order in which they lie; of views that say none, sorted."""
    stored = {name for name, sql in (read_sql("schema") | read_sql("views")).items() if f"CREATE TABLE {name}" in sql}
    with connect(root) as snapshot:
        found = {name: snapshot.execute(f"FROM {name}").fetchall() for name in read_sql("schema") | read_sql("views")}
    return {name: rows if name in stored else sorted(rows, key=str) for name, rows in found.items()}


def full_builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Paths of the snapshots that are built in full from now on."""
    from harvest import publish as module

    build, seen = module._build, []

    def count(lake: Any, path: Path) -> None:
        seen.append(path)
        build(lake, path)

    monkeypatch.setattr(module, "_build", count)
    return seen


@pytest.fixture
def grown(tmp_path: Path, commit: Commit) -> Path:
    """A lake of two runs, published after the first."""
    root = tmp_path / "lake"
    with writing(root) as lake:
        commit(lake, FINGERPRINT, NIGHTS[0], 0)
        publish(root)
        commit(lake, FINGERPRINT, NIGHTS[1], 1)
    return root


def test_adding_run_by_run_gives_the_tables_of_a_full_build(
    grown: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = full_builds(monkeypatch)
    with writing(grown) as lake:
        publish(grown)
        commit(lake, FINGERPRINT, NIGHTS[2], 2)
        publish(grown)
        publish(grown)
    assert built == []
    added = tables(grown)
    assert len(added["instances"]) == 5
    assert [row[0] for row in added["patient_course"]] == ["A"] * len(added["patient_course"])
    publish(grown, anew=True)
    assert len(built) == 1
    assert added == tables(grown)
    order = [row[:2] for row in added["film_findings"]]
    assert order == sorted(order)


@pytest.mark.parametrize("change", ["rewritten part", "removed part", "other settings", "earlier run", "lost note"])
def test_whatever_is_more_than_growth_is_built_anew(
    grown: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    built = full_builds(monkeypatch)
    with writing(grown) as lake:
        if change == "rewritten part":
            commit(lake, FINGERPRINT, {"a1": {}}, 0)
        elif change == "removed part":
            lake.remove_shard(FINGERPRINT, "00000000")
        elif change == "other settings":
            commit(lake, "2" * 16, NIGHTS[2], 2)
        elif change == "earlier run":
            publish(grown)
            (lake.runs / "run-1-0.json").rename(lake.runs / "kept")
            commit(lake, FINGERPRINT, {"a2": {}}, -1)
            (lake.runs / "kept").rename(lake.runs / "run-1-0.json")
        else:
            (lake.private / "published.json").unlink()
        publish(grown)
    assert len(built) == 1
    expected = tables(grown)
    publish(grown, anew=True)
    assert tables(grown) == expected


def test_an_addition_that_breaks_a_rule_changes_nothing(grown: Path, commit: Commit) -> None:
    before = tables(grown)
    with writing(grown) as lake:
        commit(lake, FINGERPRINT, {"a1": {"Mass": (0.9, ((100, 600, 300, 800),))}}, 2)
        with pytest.raises(IntegrityError, match="one_row_per_instance"):
            publish(grown)
    assert tables(grown) == before
    assert not list(grown.glob(".tmp-*"))
