"""A service that runs until it is told to end: Prefect's server, its own or one that is there, schedules, a worker."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from flows.prefect_server import ServerError, background, server_problem, server_process
from flows.service.spec import LOOPBACK, ServerSpec, ServiceSpec
from flows.serving.processes import adopt_orphans, end_runs
from harvest.receiving.spec import ReceiverSpec

Process = subprocess.Popen[bytes]
AUTH = "PREFECT_SERVER_API_AUTH_STRING"
LOOK_SECONDS = 1.0
ROUND_SECONDS = 60.0


def serve(path: Path) -> None:
    """Run the service of a file until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: the file cannot be used.
        ServerError: the server does not start or answer, or the worker ended.
    """
    spec = ServiceSpec.from_toml(path)
    prepare_environment(spec)
    with _server(spec.server) as server:
        from flows.service.stock import take_stock
        from flows.serving.deployments import deploy

        made = deploy(spec, path.resolve().parent)
        _say(f"Prefect's pages: {os.environ['PREFECT_API_URL'].removesuffix('/api')}")
        for name, deployment in made.items():
            begun = take_stock(deployment, spec.harvests[name])
            _say(f"{name}: {_when(spec, name)}{', and now' if begun else ''}")
        _work(spec, server)


def deploy_to_server(path: Path) -> None:
    """Register the deployments of a file on the server of PREFECT_API_URL, and say how a worker is started.

    Raises:
        SettingsError: the file cannot be used.
        ServerError: no server is named, or it does not answer.
    """
    spec = ServiceSpec.from_toml(path)
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        raise ServerError("Set PREFECT_API_URL to the API of your server, or let 'iam-harvest serve' start one.")
    prepare_environment(spec)
    with _server(spec.server):
        from flows.serving.deployments import deploy

        for name in deploy(spec, path.resolve().parent):
            _say(f"{name}: {_when(spec, name)}")
    _say(f"Start a worker on each machine: prefect worker start --type process --pool {spec.pool}")


def prepare_environment(spec: ServiceSpec) -> None:
    """Set what Prefect reads at its first import, here and in the processes that are started."""
    chosen = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(spec.server.home),
        "PREFECT_WORKER_QUERY_SECONDS": "5",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(86400 * spec.server.keep_days),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{spec.server.keep_days}D",
    }
    if spec.server.database:
        chosen["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = spec.server.database
    if spec.watch.json_logs:
        chosen["PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER"] = "json"
    if secret := os.environ.get(AUTH):
        chosen["PREFECT_API_AUTH_STRING"] = secret  # the client's half
    for name, value in chosen.items():
        os.environ.setdefault(name, value)


@contextmanager
def _server(spec: ServerSpec) -> Iterator[Process | None]:
    """Use the server of PREFECT_API_URL, else run one and yield its process."""
    if url := os.environ.get("PREFECT_API_URL"):
        if problem := server_problem(url):
            raise ServerError(f"{problem}; start that server, or unset PREFECT_API_URL.")
        yield None
        return
    _require_safe(spec)
    spec.home.mkdir(parents=True, exist_ok=True)
    url = f"http://{'127.0.0.1' if spec.host == '0.0.0.0' else spec.host}:{spec.port}/api"
    os.environ["PREFECT_API_URL"] = url
    with server_process(spec.home, url, spec.host) as process:
        yield process


def _require_safe(spec: ServerSpec) -> None:
    secret = os.environ.get(AUTH, "")
    if spec.host not in LOOPBACK and not all(secret.partition(":")):
        raise ServerError(
            f"Others can reach {spec.host}: set {AUTH}=USER:PASSWORD before the service listens there, or leave "
            "server.host at 127.0.0.1."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((spec.host, spec.port))
        except OSError as error:
            raise ServerError(
                f"Cannot listen on {spec.host}:{spec.port} ({error.strerror}); set server.port, or PREFECT_API_URL to "
                "use the server that runs there."
            ) from error


def _work(spec: ServiceSpec, server: Process | None) -> None:
    """Keep worker and receiver until this process is told to end; a process that ends by itself is an error."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", spec.pool, "--type", "process"]
    try:
        adopt_orphans()
        with _receiver(spec.receiver) as receiver, background(command) as worker:
            beside = [process for process in (server, receiver) if process is not None]
            try:
                _keep_watch(spec.pool, [worker, *beside])
            finally:
                worker.terminate()  # it takes no new run from now on
                end_runs(worker.pid, [process.pid for process in beside])
    except (KeyboardInterrupt, SystemExit):
        _say("The service has ended; runs that were cut off go on when it starts again.")
        return
    raise ServerError(
        "Prefect's server, its worker or the receiver ended by itself; its log says why. Start the service again."
    )


def _keep_watch(pool: str, processes: list[Process]) -> None:
    """Make rounds among the runs of a pool while all processes are there."""
    from flows.service.rounds import Rounds
    from flows.serving.deployments import TAG

    rounds, last = Rounds(pool, TAG), time.monotonic()
    while all(process.poll() is None for process in processes):
        time.sleep(LOOK_SECONDS)
        if time.monotonic() - last > ROUND_SECONDS:
            rounds.look()
            last = time.monotonic()


def _receiver(spec: ReceiverSpec | None) -> AbstractContextManager[Process | None]:
    """Run a receiver of films where the service has one."""
    if spec is None:
        return nullcontext()
    options = spec.model_dump(mode="json", exclude={"inbox", "allow"}).items()
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options]
    allowed = [f"--allow={title}" for title in spec.allow]
    return background([sys.executable, "-m", "flows", "receive", str(spec.inbox), *words, *allowed])


def _when(spec: ServiceSpec, name: str) -> str:
    harvest = spec.harvests[name]
    if harvest.cron:
        times = f"cron {harvest.cron} ({harvest.timezone})"
    else:
        times = f"every {harvest.every:g} s" if harvest.every else "when asked for"
    return f"{times}, {harvest.window} only" if harvest.window else times


def _say(text: str) -> None:
    print(text, flush=True)
