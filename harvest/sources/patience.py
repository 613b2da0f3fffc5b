"""Waiting for a server: asked again with growing pauses while it is out of reach, and never faster than agreed."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from harvest.errors import ArchiveError

Answer = TypeVar("Answer")
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
UNKNOWN_SERVER_S = 20.0
"""How long a server is asked that never answered."""
GROWING = wait_random_exponential(FIRST_PAUSE_S, LONGEST_PAUSE_S)
logger = logging.getLogger(__name__)


class OutOfReachError(Exception):
    """A server does not answer, or says that it cannot now.

    Attributes:
        pause_s: how long it wants to be left alone, seconds.
    """

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


class Patience:
    """How long and how often the servers of one archive are asked; shared by threads.

    Attributes:
        seconds: how long a server may be out of reach before a run gives up. One that never answered is given up
            sooner: its address may be wrong.
    """

    def __init__(self, seconds: float, requests_per_second: float) -> None:
        self.seconds = seconds
        self._interval = 1 / requests_per_second
        self._lock = threading.Lock()
        self._next = 0.0
        self._answered = False

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Return what a question gives that raises :class:`OutOfReachError` while nobody answers.

        Raises:
            ArchiveError: nobody answered for too long, or the server wants to be left alone for longer.
        """
        attempts = Retrying(
            retry=retry_if_exception_type(OutOfReachError),
            wait=self._pause,
            stop=self._too_long,
            before=lambda _: self._take_turn(),
            before_sleep=lambda state: logger.warning("The archive does not answer; attempt %d.", state.attempt_number),
            reraise=True,
        )
        try:
            answer = attempts(question)
        except OutOfReachError as error:
            raise ArchiveError(
                f"The archive stays out of reach for more than {self._limit:.0f} s ({error}); nothing is lost: check "
                "it, then give the same command again."
            ) from error
        self._answered = True
        return answer

    @property
    def _limit(self) -> float:
        return self.seconds if self._answered else min(self.seconds, UNKNOWN_SERVER_S)

    def _pause(self, state: RetryCallState) -> float:
        """Return how long to wait; what a server asks for holds for every thread."""
        error = state.outcome.exception() if state.outcome else None
        wanted = error.pause_s if isinstance(error, OutOfReachError) else 0.0
        self._answered |= wanted > 0
        with self._lock:
            self._next = max(self._next, time.monotonic() + min(wanted, self.seconds))
        return max(GROWING(state), wanted)

    def _too_long(self, state: RetryCallState) -> bool:
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep >= self._limit

    def _take_turn(self) -> None:
        """Wait until the next request may go out."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        time.sleep(turn - now)
