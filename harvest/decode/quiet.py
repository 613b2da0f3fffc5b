"""Keep libraries silent while they decode: what they would say holds values of the header, and the outcome says why."""

import logging
import threading
import warnings
from types import TracebackType

import gdcm

gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()
gdcm.Trace.DebugOff()


class QuietLibraries:
    """Silence warnings and pydicom's log while any thread is inside; both are as before once the last one has left.

    Python's warning filters belong to the process, so threads share one change of them and count themselves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()
        self._logger = logging.getLogger("pydicom")
        self._propagated = self._logger.propagate

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside > 1:
                return
            self._filters = warnings.catch_warnings()
            self._filters.__enter__()
            warnings.simplefilter("ignore")
            self._propagated, self._logger.propagate = self._logger.propagate, False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(kind, error, trace)
                self._logger.propagate = self._propagated


quiet_libraries = QuietLibraries()
"""Use as ``with quiet_libraries:``; never across a ``yield``."""
