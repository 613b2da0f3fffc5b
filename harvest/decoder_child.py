"""A decoder process: asked for the films of an object, it answers with one film after the other.

Started by :mod:`harvest.isolation` as ``python -m harvest.decoder_child``. It holds no more memory than it was given,
ends when it takes too long, also inside C code that never returns, and when its parent is gone.
"""

import faulthandler
import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from harvest.batches import iter_object_films

GRACE_S = 2.0
"""The parent watches the clock, too, and says why; this end matters when the parent is gone."""


def main() -> None:
    """Answer requests until the other end closes."""
    descriptor, memory_mib = map(int, sys.argv[1:])
    _limit_memory(memory_mib * 2**20)
    with Connection(descriptor) as connection, Path(os.devnull).open("w") as nowhere, suppress(EOFError, OSError):
        connection.send(None)  # ready
        while True:
            arguments, limit_s = connection.recv()
            faulthandler.dump_traceback_later(limit_s + GRACE_S, exit=True, file=nowhere)
            for film in iter_object_films(*arguments):
                connection.send(film)
            connection.send(None)
            faulthandler.cancel_dump_traceback_later()


def _limit_memory(size: int) -> None:
    """Bound the private memory of this process, where the system can (Linux counts all of it in ``RLIMIT_DATA``)."""
    try:
        import resource
    except ImportError:
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
