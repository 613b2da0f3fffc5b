"""Fixtures for all packages: a tiny bundle of random weights, so that no test needs a trained one."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from playwright.sync_api import Browser, sync_playwright
from torch import nn
from torch.nn import functional
from typer.testing import CliRunner

from flows.cli import app
from models.bundle import Bundle, load_bundle, save_bundle
from models.findings import FINDINGS
from models.iam import IAM, to_input
from models.spec import BundleSpec, FindingSpec, NetworkSpec

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

StartServer = Callable[..., "subprocess.Popen[bytes]"]


def _tiny_spec() -> BundleSpec:
    network = NetworkSpec(
        backbone="lcnet_050",
        input_hw=(96, 128),
        in_channels=1,
        deep_channels=16,
        shallow_channels=8,
        iterations=3,
        shared_stages=4,
    )
    findings = {name: FindingSpec(gate=0.5) for name in FINDINGS}
    return BundleSpec(name="tiny", network=network, findings=findings, provenance={"training": "none: random weights"})


def _random_model(spec: BundleSpec) -> IAM:
    """Tails that differ, so that mining changes the maps; statistics of real batches, so that probabilities spread."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(20180702)
        model = IAM(spec.network, spec.mining, spec.boxes.merge)
        for tail in model.tails:
            for layer in tail.modules():
                if isinstance(layer, nn.Conv2d):
                    layer.reset_parameters()
            tail.branches.weight.normal_(std=0.5)
            tail.branches.bias.zero_()
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.momentum = 1.0
        scales = [(3, 4), (6, 8), (12, 16)]
        clouds = [
            functional.interpolate(torch.rand(6, 1, *scale), size=spec.network.input_hw, mode="bilinear")
            for scale in scales
        ]
        model.train()(to_input((255 * torch.cat(clouds)[:, 0]).byte(), spec.network))
    return model


@pytest.fixture(scope="session")
def tiny_bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a saved bundle: lcnet_050, T = 3, input 96 x 128, all fourteen findings, seeded random weights."""
    directory = tmp_path_factory.mktemp("bundles") / "tiny"
    spec = _tiny_spec()
    save_bundle(directory, _random_model(spec), spec, "# tiny\n\nRandom weights, for tests.\n")
    return directory


@pytest.fixture(scope="session")
def tiny_bundle(tiny_bundle_path: Path) -> Bundle:
    """The same, loaded. Shared by the whole session: do not change it."""
    return load_bundle(tiny_bundle_path)


@pytest.fixture
def shipped_demo(tiny_bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name ``demo``, a bundle that is quick and finds something in every film."""
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "demo").symlink_to(tiny_bundle_path)
    monkeypatch.setattr("models.bundle_files._shipped_root", lambda: tmp_path / "shipped")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> "Iterator[ThreadedMotoServer]":
    """An S3 server on loopback, empty but for a bucket ``hospital``; the environment points to it."""
    from moto.server import ThreadedMotoServer  # takes seconds, which other tests need not spend

    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    address = "http://{}:{}".format(*running.get_host_and_port())
    names = {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "not-for-logs", "REGION": "us-east-1"}
    for name, value in (names | {"ALLOW_HTTP": "true"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for verb, path in (("POST", "/moto-api/reset"), ("PUT", "/hospital")):
        urllib.request.urlopen(urllib.request.Request(address + path, method=verb)).close()
    yield running
    running.stop()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless; one per test, since its driver keeps an event loop that Prefect's would meet."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


UNSHARE = ["unshare", *([] if os.getuid() == 0 else ["--user", "--map-root-user"]), "--net"]
SPARE_SOCKETS = 8


@pytest.fixture(scope="session")
def in_namespace() -> Callable[..., "subprocess.Popen[bytes]"]:
    """Start a server that nobody but loopback can reach: its command, its port, a port outside that it may connect to.

    Keywords go to ``Popen``.
    """
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], check=False).returncode != 0:
        pytest.skip("network namespaces cannot be made here (unshare --net)")

    def start(command: list[str], port: int, way_out: int = 0, **more: object) -> "subprocess.Popen[bytes]":
        with ExitStack() as stack:
            door, *spares = (stack.enter_context(socket.socket()) for _ in range(1 + (way_out and SPARE_SOCKETS)))
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(("127.0.0.1", port))
            numbers = [one.fileno() for one in (door, *spares)]
            told = [str(port), str(numbers[0]), str(way_out), ",".join(map(str, numbers[1:]))]
            relay = [sys.executable, str(Path(__file__).parent / "namespace_relay.py"), *told]
            return subprocess.Popen([*UNSHARE, *relay, *command], pass_fds=numbers, **more)

    return start


class Shell:
    """Gives the commands of a page: most of ours in this process, the rest to bash; servers run until it is closed."""

    OURS = ".venv/bin/iam-harvest "
    APART = ("demo", "serve")
    """Commands that start Prefect, whose settings are those of the process."""
    PORTS = ("4200", "5000", "8042", "10000", "11112")

    def __init__(self, environment: pytest.MonkeyPatch, start_server: StartServer | None) -> None:
        self.environment, self.start_walled = environment, start_server
        self.ports = {port: free_port() for port in self.PORTS}
        self.servers: list[subprocess.Popen[bytes]] = []

    def with_free_ports(self, text: str) -> str:
        return re.sub(rf"\b({'|'.join(self.PORTS)})\b", lambda match: self.ports[match[1]], text)

    def run(self, line: str) -> str:
        """Give one line; return what it printed."""
        line = self.with_free_ports(line)
        if line.startswith("export "):
            for name, value in (word.split("=", 1) for word in shlex.split(line)[1:]):
                self.environment.setenv(name, value)
        elif line.endswith("&"):
            command = ["bash", "-c", f"exec {self.as_module(line[:-1])}"]
            walled = self.start_walled if line.startswith("Orthanc ") else None  # it listens on every address
            start = partial(walled, port=int(self.ports["8042"])) if walled else subprocess.Popen
            self.servers.append(start(command))
        elif line.startswith(self.OURS) and line.removeprefix(self.OURS).split()[0] not in self.APART:
            outcome = CliRunner().invoke(app, shlex.split(line.removeprefix(self.OURS)))
            assert outcome.exit_code == 0, f"{line}\n{outcome.output}\n{outcome.exception}"
            return outcome.output
        else:
            command = ["bash", "-euo", "pipefail", "-c", self.as_module(line)]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}"
            return done.stdout
        return ""

    def as_module(self, line: str) -> str:
        return line.replace(self.OURS, "python -m flows ").replace(".venv/bin/", "")

    def close(self) -> None:
        for server in self.servers:
            server.terminate()
        for server in self.servers:
            server.wait()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_namespace: StartServer) -> Iterator[Shell]:
    """In an empty folder, with this Python's programs and a Prefect of its own."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("IAM_HARVEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", [".venv/bin/iam-harvest"])  # else that of pytest, or of a worker of its own
    opened = Shell(monkeypatch, in_namespace)
    yield opened
    opened.close()
