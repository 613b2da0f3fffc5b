"""Processes of flow runs: Prefect starts each in a session of its own, so nothing ends them with their worker."""

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
"""Of Linux' prctl(2)."""
GRACE_SECONDS = 45.0
KILL_SECONDS = 10.0
"""How long a killed process may take to be gone; one that hangs in the kernel is left."""


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent dies, so that they can still be ended; Linux only."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid: int) -> set[int]:
    """Return the ids of the living direct children of a process."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.add(int(path.parent.name))
    return found


def end_runs(worker: int, others: Iterable[int]) -> None:
    """End the flow runs of a worker, and those that it left as orphans; a run says that it was cut off and ends.

    Args:
        worker: its process, which may be gone.
        others: children of this process that are no runs.
    """
    kept = {worker, *others}
    deadline = time.monotonic() + GRACE_SECONDS
    told: set[int] = set()
    while runs := children_of(worker) | (children_of(os.getpid()) - kept):
        for pid in runs - told:
            _send(pid, signal.SIGTERM)
        told |= runs
        if time.monotonic() > deadline:
            for pid in runs:
                _send(pid, signal.SIGKILL)
        if time.monotonic() > deadline + KILL_SECONDS:
            return
        time.sleep(0.1)


def _send(pid: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, what)
