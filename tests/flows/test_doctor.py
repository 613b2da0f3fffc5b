"""``doctor`` is green on a machine that passes these tests, and says what is wrong with one that would not."""

import importlib
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import doctor


def test_a_sound_machine_is_green(cli: Callable[..., Any], tmp_path: Path) -> None:
    outcome = cli("doctor", "--lake", tmp_path / "not" / "yet")
    assert (outcome.code, outcome.err) == (0, "")
    assert "FAIL" not in outcome.out
    assert "JPEG-LS" in outcome.out


def test_json_lists_every_check(cli: Callable[..., Any], tmp_path: Path) -> None:
    checks = json.loads(cli("doctor", "--lake", tmp_path, "--json").out)
    assert {check["area"] for check in checks} == {"version", "package", "decoder", "device", "place", "prefect"}
    assert all(check["ok"] for check in checks)


@pytest.mark.parametrize(
    ("package", "version"), [("fastapi", "0.151.0"), ("sqlalchemy", "2.1.0"), ("prefect", "3.6.24")]
)
def test_versions_known_to_break_are_named(
    monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any], tmp_path: Path, package: str, version: str
) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version if name == package else real(name))
    outcome = cli("doctor", "--lake", tmp_path, "--json")
    failed = [check for check in json.loads(outcome.out) if not check["ok"]]
    assert outcome.code == 1
    assert [check["name"] for check in failed] == [package]
    assert doctor.REASONS[package] in failed[0]["detail"]


def test_a_shadowing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    foreign = tmp_path / "models" / "__init__.py"
    foreign.parent.mkdir()
    foreign.touch()
    real = importlib.util.find_spec
    spec = importlib.util.spec_from_file_location("models", foreign)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "models" else real(name))
    checks = {check.name: check for check in doctor.check_packages()}
    assert not checks["models"].ok
    assert str(tmp_path) in checks["models"].detail
    assert checks["flows"].ok


def test_a_place_below_a_file_is_red(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not next(doctor.check_place(tmp_path / "file" / "lake")).ok


def test_a_prefect_that_does_not_import_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError(f"cannot import {name}")

    monkeypatch.setattr(importlib, "import_module", broken)
    check = next(doctor.check_prefect())
    assert not check.ok
    assert "cannot import" in check.detail


def test_a_server_that_does_not_answer_is_red() -> None:
    assert doctor.check_server(None).ok
    check = doctor.check_server("http://127.0.0.1:9/api")
    assert not check.ok
    assert "does not answer" in check.detail
