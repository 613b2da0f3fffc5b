"""Keep libraries silent while they decode: what they would say holds values of the header, and the outcome says why."""

import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

LIBRARIES = r"(pydicom|pylibjpeg|openjpeg|jpeg_ls|PIL)(\.|$)"


class SharedContext:
    """A context of the whole process that many threads enter: the first one opens it, the last one closes it.

    Never hold it across a ``yield``.
    """

    def __init__(self, open_context: Callable[[], AbstractContextManager[None]]) -> None:
        self._open_context = open_context
        self._lock = threading.Lock()
        self._inside = 0
        self._opened = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._opened.enter_context(self._open_context())
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._opened.close()


@contextmanager
def _without_words() -> Iterator[None]:
    """Drop the libraries' warnings, and what pydicom logs.

    The filter stays in place afterwards: taking it out again would race with other threads' ``catch_warnings``.
    """
    warnings.filterwarnings("ignore", module=LIBRARIES)
    logger = logging.getLogger("pydicom")
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = propagated


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what C code writes to the standard error stream, past Python's ``sys.stderr``."""
    try:
        kept = os.dup(2)
    except OSError:  # the process has no such stream
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


quiet_libraries = SharedContext(_without_words)
"""Around everything that parses or decodes."""

silent_stderr = SharedContext(_without_stderr)
"""Around GDCM, whose JPEG library prints, and the RLE decoder, which panics aloud."""
