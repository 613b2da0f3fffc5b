"""``export``, ``import``, ``explain`` and ``rebox`` from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harvest.export import FORMATS
from harvest.run import RunRequest, run_harvest
from harvest.store import query

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def lake(small_archive: Path, tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lakes") / "lake"
    run_harvest(RunRequest(str(small_archive), str(tiny_bundle_path), root))
    return root


def test_boxes_go_out_and_come_back(cli: Cli, lake: Path, tmp_path: Path) -> None:
    outcome = cli("export", lake, "--format", "coco", "--out", tmp_path / "boxes.json", "--max-rank", "1")
    assert outcome.code == 0
    assert "pseudonyms" in outcome.out
    outcome = cli("import", lake, tmp_path / "boxes.json", "--json")
    assert outcome.code == 0
    imported = json.loads(outcome.out)
    scored = cli("evaluate", "--lake", lake, "--boxes", imported["table"], "--box-frame", "image", "--json")
    assert scored.code == 0, scored.err
    assert cli("evaluate", "--lake", lake, "--json").out == scored.out, "the last import is the default"
    compared = cli("sql", lake, "boxes_against_annotated", "--json", "-")
    rows = json.loads(compared.out)
    assert sum(row["annotated_boxes"] for row in rows) == sum(imported["boxes"].values())
    assert {row["share_found"] for row in rows} == {1.0}


def test_films_that_a_format_cannot_hold_are_listed(cli: Cli, lake: Path, tmp_path: Path) -> None:
    outcome = cli("export", lake, "--format", "dicom-sr", "--out", tmp_path / "sr")
    assert outcome.code == 0
    assert "10 films are no DICOM objects" in outcome.out
    assert list((tmp_path / "sr").iterdir()) == []


def test_help_names_every_format(cli: Cli) -> None:
    text = " ".join(cli("export", "--help").out.replace("│", " ").split())
    assert all(name in text for name in FORMATS)


def test_a_box_is_explained(cli: Cli, lake: Path, small_archive: Path, tmp_path: Path) -> None:
    row = query(lake, "SELECT instance_key, finding FROM boxes ORDER BY ALL LIMIT 1").to_pylist()[0]
    reference = f"{row['instance_key']}/{row['finding']}/1"
    picture = tmp_path / "why.png"
    outcome = cli("explain", lake, reference, "--picture", picture, "--archive", small_archive)
    assert outcome.code == 0, outcome.err
    assert "iteration 3" in outcome.out
    assert picture.stat().st_size > 0
    facts = json.loads(cli("explain", lake, reference, "--json").out)
    assert facts["finding"]["finding"] == row["finding"]


def test_boxes_are_cut_anew(cli: Cli, lake: Path, tmp_path: Path) -> None:
    settings = tmp_path / "rebox.toml"
    settings.write_text("[findings.Mass]\ngate = 0.9\nthresholds = [0.6]\n")
    outcome = cli("rebox", lake, "--out", tmp_path / "lake2", "--config", settings, "--max-boxes", "1", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert sum(told["after"].values()) < sum(told["before"].values())
    assert told["record"]["config"]["findings"]["Mass"] == {"gate": 0.9, "thresholds": [0.6]}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["rebox", "LAKE", "--out", "OUT", "--thresholds", "high"], "boxes.thresholds"),
        (["export", "LAKE", "--format", "voc", "--out", "OUT"], "Formats: coco"),
        (["explain", "LAKE", "nothing/Mass"], "no such box"),
        (["import", "LAKE", "missing.json"], "Cannot read missing.json"),
        (["export", "LAKE", "--format", "coco"], "either --out or --store"),
        (["evaluate", "demo"], "--boxes"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    cli: Cli, lake: Path, tmp_path: Path, arguments: list[str], hint: str
) -> None:
    places = {"LAKE": lake, "OUT": tmp_path / "out"}
    outcome = cli(*(places.get(word, word) for word in arguments))
    assert (outcome.code, outcome.out) == (1, "")
    assert hint in outcome.err
