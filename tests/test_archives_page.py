"""docs/archives.md runs as it stands, section by section, real servers included."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app

PAGE = (Path(__file__).parents[1] / "docs" / "archives.md").read_text(encoding="utf-8")
OURS = ".venv/bin/iam-harvest "
StartServer = Callable[..., "subprocess.Popen[bytes]"]
NEEDED = {
    "DICOMDIR": "dcmmkdir",
    "PACS": "Orthanc",
    "List of UIDs": "Orthanc",
    "Inbox": "dcmsend",
    "Azure": "azurite-blob",
}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each section's title and lines."""
    for section in PAGE.split("\n## ")[1:]:
        title, text = section.split("\n", 1)
        if lines := re.findall(r"^ {4}(.+)$", text, re.MULTILINE):
            yield title, lines


def can_run(title: str) -> bool:
    return all(shutil.which(program) for name, program in NEEDED.items() if title.startswith(name))


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Shell:
    """Gives commands: the program's in this process, the rest to bash; servers run until it is closed."""

    def __init__(self, environment: pytest.MonkeyPatch, in_namespace: StartServer) -> None:
        self.environment, self.in_namespace = environment, in_namespace
        self.ports = {port: free_port() for port in ("5000", "8042", "10000", "11112")}
        self.servers: list[subprocess.Popen[bytes]] = []

    def with_free_ports(self, text: str) -> str:
        return re.sub(r"\b(5000|8042|10000|11112)\b", lambda match: self.ports[match[1]], text)

    def run(self, line: str) -> None:
        line = self.with_free_ports(line)
        if line.startswith("export "):
            for name, value in (word.split("=", 1) for word in shlex.split(line)[1:]):
                self.environment.setenv(name, value)
        elif line.endswith("&"):
            program, *words = shlex.split(line[:-1].replace(OURS, "python -m flows "))
            program = shutil.which(program.removeprefix(".venv/bin/")) or program
            walled = program.endswith("/Orthanc")
            start = partial(self.in_namespace, port=int(self.ports["8042"])) if walled else subprocess.Popen
            self.servers.append(start([program, *words]))
        elif line.startswith(OURS):
            outcome = CliRunner().invoke(app, shlex.split(line.removeprefix(OURS)))
            assert outcome.exit_code == 0, f"{line}\n{outcome.output}\n{outcome.exception}"
        else:
            subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        for server in self.servers:
            server.terminate()
            server.wait()


@pytest.mark.services
@pytest.mark.usefixtures("shipped_demo")
def test_every_way_to_reach_an_archive_runs_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_namespace: StartServer
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setenv("IAM_HARVEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    shell = Shell(monkeypatch, in_namespace)
    settings = re.search(r"^```json\n// (\S+)\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert settings is not None
    Path(settings[1]).write_text(shell.with_free_ports(settings[2]))
    expected = set()
    try:
        for title, lines in commands():
            if can_run(title):
                expected |= {name for name in re.findall(r"--out (\S+)", "\n".join(lines)) if "://" not in name}
                for line in lines:
                    shell.run(line)
    finally:
        shell.close()
    assert len(expected) >= 5
    assert {path.parent.name for path in Path().glob("*/harvest.duckdb")} == expected
