"""A Prefect server of one's own for the length of a run: loopback, own folder, telemetry off, quiet.

Prefect reads its settings from the environment at first import; so nothing here imports it before they are set.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError, URLError

from harvest.errors import IamHarvestError

START_SECONDS = 600.0
ANSWER_SECONDS = 5.0
STOP_SECONDS = 60.0
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The terminal has its own progress; errors are told once, by the command line. The server still gets the logs.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}
"""Settings of server and client; whatever the user has set goes before them."""


class ServerError(IamHarvestError):
    """No Prefect server came up."""

    code = "prefect_server"


def chosen_server() -> AbstractContextManager[object]:
    """Return the server that ``PREFECT_API_URL`` names, else a temporary one, as a context for flow runs.

    Raises:
        ServerError: the named server does not answer; or, on entry, the temporary one did not start.
    """
    calm_environment()
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return temporary_server()
    if problem := server_problem(url):
        raise ServerError(f"{problem}; start that server, or unset PREFECT_API_URL.")
    return quiet_end()


def server_problem(url: str) -> str | None:
    """Ask the API at a URL for its health; return what is wrong, None when it answers, be it with a refusal."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=ANSWER_SECONDS):
            return None
    except HTTPError:
        return None
    except (OSError, ValueError) as error:
        return f"The Prefect server {url} does not answer ({getattr(error, 'reason', error)})"


def calm_environment() -> None:
    """Switch telemetry and terminal chatter off, unless the user decided otherwise; call it before Prefect's import."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@contextmanager
def temporary_server() -> Iterator[str]:
    """Run a Prefect server on a free loopback port, make it the one this process uses, and yield its API's URL.

    Raises:
        ServerError: it did not start.
    """
    with TemporaryDirectory(prefix="iam-harvest-prefect-") as home, TemporaryEnvironment() as environment:
        url = f"http://127.0.0.1:{free_port()}/api"
        environment.update({"PREFECT_HOME": home, "PREFECT_API_URL": url})
        calm_environment()
        with server_process(Path(home), url), _client_settings(url):
            yield url


class TemporaryEnvironment:
    """Puts the environment variables back as they were."""

    def __enter__(self) -> "os._Environ[str]":
        """Remember the variables; return the live environment."""
        self._before = dict(os.environ)
        return os.environ

    def __exit__(self, *_: object) -> None:
        """Restore the variables."""
        os.environ.clear()
        os.environ.update(self._before)


@contextmanager
def server_process(home: Path, url: str, host: str = "127.0.0.1") -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``prefect server start`` with its database in ``home`` until the block ends; Ctrl-C does not reach it.

    Args:
        home: where its log lies, too.
        url: of its API, which says the port.
        host: address to listen on.

    Raises:
        ServerError: it did not answer in time, or ended; its last words are in the message.
    """
    log = home / "server.log"
    port = url.rpartition(":")[2].removesuffix("/api")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", port]
    with background(command, log) as process:
        _await_health(process, url, log)
        yield process


@contextmanager
def background(command: list[str], log: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process until the block ends; Ctrl-C does not reach it.

    Args:
        command: program and arguments.
        log: file for what it says; None: where this process says it.
    """
    with ExitStack() as files:
        output = files.enter_context(log.open("ab")) if log else None
        with _interrupts_heard():
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _interrupts_heard() -> Iterator[None]:
    """Start children that an interrupt ends, also where a script started this process deaf to it (``command &``).

    Prefect's worker interrupts itself when it is told to end.
    """
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if deaf:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _await_health(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
    raise ServerError(f"The Prefect server did not start: {last[0]}. Its log is {log}; iam-harvest doctor may say why.")


@contextmanager
def _client_settings(url: str) -> Iterator[None]:
    """Point Prefect at the server, also when it was imported before."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: url}), quiet_end():
        yield


@contextmanager
def quiet_end() -> Iterator[None]:
    """End Prefect's threads when the block ends."""
    try:
        yield
    finally:
        end_threads()


def end_threads() -> None:
    """Send Prefect's last logs and events, and stop its threads.

    They would else hold the flow, and by it every module of ours, while the interpreter takes modules apart; DuckDB
    then complains of leaks at length.
    """
    from prefect._internal.concurrency.threads import get_run_sync_loop, wait_for_global_loop_exit
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)
    wait_for_global_loop_exit(timeout=10)
    loop = get_run_sync_loop()
    loop.shutdown()
    loop.thread.join(timeout=10)


def free_port() -> int:
    """Return a loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
