"""Decoding in processes of its own: a decoder that crashes, spins or grows takes one object with it, no more.

A process is borrowed for an object and given back; one that died or was killed is replaced. A crash is tried once
more in a fresh process, since a machine short of memory kills processes that did nothing wrong; a decoder that takes
too long is not.
"""

import atexit
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import Any

from harvest.errors import DecoderStartError, Reason

Arguments = tuple[Any, ...]
CHILD = "harvest.decoder_child"
START_S = 300.0
"""Longest time until a process is ready; it counts for no object."""


class DecoderDiedError(Exception):
    """A decoder process ended before its answer did; ``reason`` says whether it crashed or took too long."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one object may cost: seconds of wall time, MiB of private memory."""

    seconds: float
    memory_mib: int


class DecoderProcess:
    """A process that decodes one object at a time."""

    def __init__(self, memory_mib: int) -> None:
        self.memory_mib = memory_mib
        self._connection, other_end = Pipe()
        # -P and PYTHONPATH: the child finds what this process finds, and nothing more in the working directory.
        environment = {"PYTHONPATH": os.pathsep.join(one for one in sys.path if one), "OPENBLAS_NUM_THREADS": "1"}
        with other_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", CHILD, str(other_end.fileno()), str(memory_mib)],
                pass_fds=[other_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | environment,
                start_new_session=True,  # an interrupt from the keyboard is the parent's to handle
            )

    def wait_until_ready(self) -> None:
        """Wait for a new process to be ready.

        Raises:
            DecoderStartError: it ended instead.
        """
        try:
            ready = self._connection.poll(START_S) and self._connection.recv() is None
        except (EOFError, OSError):
            ready = False
        if not ready:
            self.close()
            raise DecoderStartError(
                "A decoder process does not start; check free memory, or set engine.decode_workers to 0 to decode "
                "without one."
            )

    def ask(self, arguments: Arguments, seconds: float) -> Iterator[Any]:
        """Yield what the child makes of a request.

        Raises:
            DecoderDiedError: the child ended, or took longer and was killed.
        """
        deadline = time.monotonic() + seconds
        try:
            self._connection.send((arguments, seconds))
            while self._connection.poll(max(0.0, deadline - time.monotonic())):
                answer = self._connection.recv()
                if answer is None:
                    return
                yield answer
        except (EOFError, OSError):
            self.close()
            raise DecoderDiedError(Reason.DECODER_CRASHED) from None
        self.close()
        raise DecoderDiedError(Reason.DECODER_TIMEOUT)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """Kill the process and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


class DecoderPool:
    """Idle decoder processes, shared by all threads; grows to as many as are used at once."""

    def __init__(self) -> None:
        self._idle: list[DecoderProcess] = []
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, arguments: Arguments, bounds: Bounds) -> tuple[list[Any], Reason | None]:
        """Return what a decoder process makes of a request, and why it did not come to an end (None: it did)."""
        answers, died = self._ask_once(arguments, bounds)
        return self._ask_once(arguments, bounds) if died is Reason.DECODER_CRASHED else (answers, died)

    def close(self) -> None:
        """End all idle processes."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _ask_once(self, arguments: Arguments, bounds: Bounds) -> tuple[list[Any], Reason | None]:
        process = self._borrow(bounds.memory_mib)
        answers: list[Any] = []
        try:
            for answer in process.ask(arguments, bounds.seconds):
                answers.append(answer)
        except DecoderDiedError as died:
            return answers, died.reason
        except BaseException:
            process.close()
            raise
        with self._lock:
            self._idle.append(process)
        return answers, None

    def _borrow(self, memory_mib: int) -> DecoderProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.alive and process.memory_mib == memory_mib:
                    return process
                process.close()
        process = DecoderProcess(memory_mib)
        process.wait_until_ready()
        return process


decoders = DecoderPool()
"""Of this process."""
