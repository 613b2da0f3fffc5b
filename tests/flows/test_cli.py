"""The command line as a user meets it: help, mistakes, exit codes, and a summary that can be pasted and quoted."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flows.cli import app

Cli = Callable[..., Any]
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)


def test_version_and_help_start_neither_torch_nor_prefect() -> None:
    code = "import sys, flows.cli; sys.exit(bool({'torch', 'prefect', 'duckdb'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_python_m_flows_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "flows", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("0.")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(cli: Cli, command: str) -> None:
    outcome = cli(command, "--help")
    assert outcome.code == 0
    assert f"Example: iam-harvest {command}" in " ".join(outcome.out.split())


@pytest.mark.parametrize("arguments", [["run"], ["run", "somewhere", "--out", "x", "--gate", "all"], ["no-such"]])
def test_wrong_usage_exits_with_2(cli: Cli, arguments: list[str]) -> None:
    assert cli(*arguments).code == 2


def one_sentence(outcome: Any) -> str:
    """The error as the user sees it: one line on stderr, exit code 1, no traceback."""
    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err.count("\n") <= 1
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("iam-harvest: ")
    return str(outcome.err)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def test_mistakes_give_one_sentence(
    cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.toml").write_text("[gate]\nmood = 'both'\n")
    (tmp_path / "model.pth").write_bytes(b"PK\x03\x04")
    (tmp_path / "labels.csv").write_text("Image Index,Finding Labels\nother.png,Effusion\n")
    (tmp_path / "file").touch()
    films = ("run", small_archive, "--out", lake, "--model", tiny_bundle_path)
    assert "no archive" in one_sentence(cli("run", tmp_path / "gone", "--out", lake, "--model", tiny_bundle_path))
    assert "no files" in one_sentence(cli("run", tmp_path / "empty", "--out", lake, "--model", tiny_bundle_path))
    assert "no bundle" in one_sentence(cli("run", small_archive, "--out", lake, "--model", "dmeo"))
    assert "iam-harvest convert" in one_sentence(
        cli("run", small_archive, "--out", lake, "--model", tmp_path / "model.pth")
    )
    assert "names no film" in one_sentence(cli(*films, "--labels", tmp_path / "labels.csv"))
    assert "gate.mood" in one_sentence(cli(*films, "--config", tmp_path / "bad.toml"))
    assert "max_rejection_rate" in one_sentence(cli(*films, "--max-rejection-rate", 2))
    assert "Unknown device" in one_sentence(cli(*films, "--device", "tpu"))
    assert "Cannot write" in one_sentence(
        cli("run", small_archive, "--out", tmp_path / "file" / "lake", "--model", tiny_bundle_path)
    )
    for command in ("verify", "rebuild"):
        assert "no lake" in one_sentence(cli(command, tmp_path / "nowhere"))


def test_a_newer_lake_is_refused(cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path) -> None:
    lake.mkdir()
    (lake / "lake.json").write_text('{"schema_version": 99}')
    assert "upgrade" in one_sentence(cli("run", small_archive, "--out", lake, "--model", tiny_bundle_path))


def test_a_full_disk_is_one_sentence(
    cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(lake / "boxes"))

    monkeypatch.setattr("harvest.lake.write_part", full)
    assert "No space left on device" in one_sentence(
        cli("run", small_archive, "--out", lake, "--model", tiny_bundle_path)
    )


def test_run_verify_rebuild(cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path) -> None:
    run = ("run", small_archive, "--out", lake, "--model", tiny_bundle_path)
    planned = cli(*run, "--dry-run")
    assert (planned.code, lake.exists()) == (0, False)
    assert "11 new" in planned.out
    first = cli(*run)
    assert first.code == 0
    assert first.out.splitlines()[-1].startswith("Harvested 11 of 11 films")
    assert "1  (unknown_format 1)" in first.out
    again = cli(*run)
    assert again.out.startswith("Nothing new: 11 films listed")
    assert json.loads(cli(*run, "--json").out)["harvested"] == 0
    assert cli("verify", lake).code == 0
    (lake / "harvest.duckdb").unlink()
    assert "rebuild" in one_sentence(cli("verify", lake))
    assert cli("rebuild", lake).code == 0
    checks = json.loads(cli("verify", lake, "--json").out)
    assert all(check["ok"] for check in checks)


def test_an_interrupted_run_says_how_to_go_on(
    cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harvest.pipeline.harvest_shard", interrupt)
    outcome = cli("run", small_archive, "--out", lake, "--model", tiny_bundle_path)
    assert outcome.code == 130
    assert "takes the work up" in outcome.err
    assert "Traceback" not in outcome.err


def test_phantom_draws_films_with_tables(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("phantom", tmp_path / "films", "--count", 4, "--seed", 3)
    assert outcome.code == 0
    assert len([path for path in (tmp_path / "films" / "images").rglob("*") if path.is_file()]) == 4
    assert "already holds films" in one_sentence(cli("phantom", tmp_path / "films", "--count", 4))


def test_convert_makes_a_bundle_of_a_pickle(cli: Cli, tiny_bundle: Any, tiny_bundle_path: Path, tmp_path: Path) -> None:
    torch.save(tiny_bundle.model.state_dict(), tmp_path / "model.pth")
    assert "bundle.json" in one_sentence(cli("convert", tmp_path / "model.pth", "--out", tmp_path / "new"))
    outcome = cli("convert", tmp_path / "model.pth", "--like", tiny_bundle_path, "--out", tmp_path / "new")
    assert outcome.code == 0
    assert tiny_bundle.digest[:16] in outcome.out
