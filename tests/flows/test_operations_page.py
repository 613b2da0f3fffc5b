"""What docs/operations.md and prefect.yaml show is what there is."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from flows.harvest_archive import harvest_archive
from flows.service.spec import ServiceSpec

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_shown_settings_make_a_service() -> None:
    shown: dict[str, object] = {}
    for block in blocks("toml"):
        shown |= tomllib.loads(block)
    assert ServiceSpec.model_validate(shown).server.database


@pytest.mark.services
def test_deploy_registers_the_schedules_of_a_file(prefect_server: str, tmp_path: Path) -> None:
    folder = tmp_path / "docs"  # the file's paths begin one folder above
    folder.mkdir()
    shutil.copy(ROOT / "docs" / "service.toml", folder)
    command = [sys.executable, "-m", "flows", "deploy", "service.toml"]
    environment = os.environ | {"PREFECT_API_URL": prefect_server}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert "nightly" in told
    assert "prefect worker start --type process --pool harvest" in told


def test_prefect_yaml_deploys_the_flow() -> None:
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    path, name = deployment["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    assert harvest_archive.fn.__name__ == name
    assert harvest_archive.validate_parameters(deployment["parameters"])


def test_the_unit_is_one(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    (unit,) = blocks("ini")
    path = tmp_path / "iam-harvest.service"
    path.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "iam-harvest" in line]
    assert not ours
