"""The wheel is whole: installed elsewhere, from another folder, it runs the demo."""

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("flows", "harvest", "models", "sql", "pyproject.toml", "README.md", "LICENSE")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing appears in the working tree."""
    tree, dist = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tree / part)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, tree, cwd=tree)
    return next(dist.glob("*.whl"))


def test_wheel_holds_the_sql_and_the_bundles(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    expected = [path for pattern in ("sql/**/*.sql", "models/bundles/*/*") for path in ROOT.glob(pattern)]
    assert len(expected) > 10
    assert {str(path.relative_to(ROOT)) for path in expected} <= inside
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.services
def test_wheel_installed_elsewhere_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, wheel, cwd=elsewhere)
    there = {"cwd": elsewhere, "PYTHONPATH": str(site)}
    assert str(site) in run(sys.executable, "-c", "import flows; print(flows.__file__)", **there)
    said = run(sys.executable, "-m", "flows", "demo", "--out", "out", "--films", "24", **there)
    assert "Traceback" not in said
    assert "Warning" not in said
    proposed = next(line.partition("ask")[2].strip() for line in said.splitlines() if line.strip().startswith("ask"))
    answer = run(*shlex.split(proposed), **there)
    assert "Effusion" in answer
