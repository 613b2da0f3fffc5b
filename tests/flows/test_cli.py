"""The command line as a user meets it: help, mistakes, exit codes, and a summary that can be pasted and quoted."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import typer

from flows.cli import app

Cli = Callable[..., Any]
COMMANDS = sorted(typer.main.get_command(app).commands)


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


@pytest.fixture
def mistakes(tmp_path: Path) -> Path:
    """A folder of things that are wrong."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.toml").write_text("[gate]\nmood = 'both'\n")
    (tmp_path / "model.pth").write_bytes(b"PK\x03\x04")
    (tmp_path / "elsewhere.csv").write_text("Image Index,Finding Labels\nother.png,Effusion\n")
    (tmp_path / "elephants.csv").write_text("Image Index,Finding Labels\npatient-01.png,Elephant\n")
    (tmp_path / "file").touch()
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "lake.json").write_text('{"schema_version": 99}')
    return tmp_path


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"ARCHIVE": "gone"}, "no archive"),
        ({"ARCHIVE": "empty"}, "no files"),
        ({"--model": "dmeo"}, "no bundle"),
        ({"--model": "empty"}, "no bundle.json"),
        ({"--model": "model.pth"}, "iam-harvest convert"),
        ({"--out": "file/lake"}, "Cannot write"),
        ({"--out": "."}, "new or empty folder"),
        ({"--out": "newer"}, "upgrade iam-harvest"),
        ({"--labels": "gone.csv"}, "gone.csv"),
        ({"--labels": "elsewhere.csv"}, "names no film"),
        ({"--labels": "elephants.csv"}, "Elephant"),
        ({"--config": "gone.toml"}, "gone.toml"),
        ({"--config": "bad.toml"}, "gate.mood"),
        ({"--max-rejection-rate": "2"}, "max_rejection_rate"),
        ({"--device": "tpu"}, "Unknown device"),
        ({"--site-key": "file"}, "site key"),
    ],
)
def test_mistakes_give_one_sentence(
    cli: Cli,
    mistakes: Path,
    small_archive: Path,
    tiny_bundle_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    hint: str,
) -> None:
    monkeypatch.chdir(mistakes)
    given = {"ARCHIVE": small_archive, "--model": tiny_bundle_path, "--out": "lake"} | options
    archive = given.pop("ARCHIVE")
    assert hint in one_sentence(cli("run", archive, *(word for pair in given.items() for word in pair)))


@pytest.mark.parametrize("command", ["verify", "rebuild", "sql"])
def test_no_lake_is_one_sentence(cli: Cli, tmp_path: Path, command: str) -> None:
    assert "no lake" in one_sentence(cli(command, tmp_path / "nowhere"))


def test_an_unreachable_prefect_server_is_one_sentence(
    cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert "unset PREFECT_API_URL" in one_sentence(
        cli("run", small_archive, "--out", lake, "--model", tiny_bundle_path)
    )


SMALL_DISK = """
mount -t tmpfs -o size=$1 tmpfs "$2" || exit 77
shift; place=$1; shift
"$@" && exit 78
du -s "$place" >&2
mount -o remount,size=100m "$place"
"$@" && "$PYTHON" -m flows verify "$place/lake" --json
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="a small disk needs unshare (util-linux)")
@pytest.mark.parametrize("size", ["40k", "200k"], ids=["before the films", "at the snapshot"])
def test_a_full_disk_is_one_sentence_and_the_run_can_be_taken_up(
    small_archive: Path, tiny_bundle_path: Path, tmp_path: Path, size: str
) -> None:
    (tmp_path / "disk").mkdir()
    run = [sys.executable, "-m", "flows", "run", small_archive, "--model", tiny_bundle_path]
    shell = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"]
    done = subprocess.run(
        [*shell, size, tmp_path / "disk", *run, "--out", tmp_path / "disk" / "lake"],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no small disk can be mounted here")
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stderr
    assert "Make room" in done.stderr
    assert "Traceback" not in done.stderr
    assert all(check["ok"] for check in json.loads(done.stdout[done.stdout.index("[\n") :]))


def test_completion_knows_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"_IAM_HARVEST_COMPLETE": "complete_bash", "COMP_WORDS": "iam-harvest re", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "flows"], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert "rebuild" in done.stdout.split()


def test_run_verify_rebuild(cli: Cli, small_archive: Path, tiny_bundle_path: Path, lake: Path) -> None:
    run = ("run", small_archive, "--out", lake, "--model", tiny_bundle_path)
    planned = cli(*run, "--dry-run")
    assert (planned.code, lake.exists()) == (0, False)
    assert "11 new" in planned.out
    assert "films/s, measured on 11 of them" in planned.out
    assert json.loads(cli(*run, "--dry-run", "--json").out)["seconds"] > 0
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
