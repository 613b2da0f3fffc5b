"""Hard bounds around SQL that anybody may have written: what DuckDB's own limits of time and memory do not reach.

One call of a function (an edit distance of two long texts) heeds no interrupt until it returns, and what it allocates
does not count against DuckDB's memory limit.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harvest.errors import QuestionError
from harvest.store import TIMEOUT_S

GRACE_S = 5.0
"""After the time of a query, which is told in the usual way where DuckDB heeds it."""
MOST_MEMORY = 6 * 2**30
"""Bytes by which the process may grow: DuckDB's limit, the answer, and what functions take beside."""
FAILED = 1


@contextmanager
def bounded(seconds: float = TIMEOUT_S + GRACE_S, memory: int = MOST_MEMORY) -> Iterator[None]:
    """Within, this process grows by no more than ``memory`` bytes, and ends after ``seconds``.

    Raises:
        QuestionError: more memory was asked for.
    """
    clock = threading.Timer(seconds, _end, (seconds,))
    clock.daemon = True
    clock.start()
    try:
        with _little_memory(memory):
            yield
    except MemoryError as error:
        raise QuestionError(f"The query needs more than {memory / 2**30:.0f} GB of memory; ask for less.") from error
    finally:
        clock.cancel()


def _end(seconds: float) -> None:
    sys.stdout.flush()
    print(f"The query did not heed its limit of time and was ended after {seconds:g} s; ask for less.", file=sys.stderr)
    sys.stderr.flush()
    os._exit(FAILED)


@contextmanager
def _little_memory(size: int) -> Iterator[None]:
    """Bound the growth of private memory where the system can (Linux: ``RLIMIT_DATA``)."""
    usage = Path("/proc/self/status")
    if not usage.exists():
        yield
        return
    import resource

    earlier, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _private_bytes(usage) + size
    tightest = min((one for one in (earlier, most) if one != resource.RLIM_INFINITY), default=wanted)
    resource.setrlimit(resource.RLIMIT_DATA, (min(wanted, tightest), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (earlier, most))


def _private_bytes(usage: Path) -> int:
    (line,) = (line for line in usage.read_text().splitlines() if line.startswith("VmData:"))
    return 1024 * int(line.split()[1])
