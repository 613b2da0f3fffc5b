"""Flow runs end with the service, also those whose worker is gone, and one that does not listen."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, subprocess, sys
from flows.serving import processes

processes.GRACE_SECONDS = 1.0
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {deaf!r}], start_new_session=True)"
processes.adopt_orphans()
worker = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE)
worker.stdout.readline()
(run,) = processes.children_of(worker.pid)
if sys.argv[1] == "killed":
    worker.kill()
    worker.wait()
    assert run in processes.children_of(os.getpid())
processes.end_runs(worker.pid, [])
worker.wait()
assert processes.children_of(os.getpid()) == set()
"""


@pytest.mark.parametrize("worker", ["killed", "alive"])
def test_no_run_is_left(worker: str) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, worker], check=True, timeout=200)
