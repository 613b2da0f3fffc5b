"""Waiting for a server: asked again with growing pauses while it is out of reach, and never faster than agreed."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from harvest.errors import ArchiveError

Answer = TypeVar("Answer")
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
UNKNOWN_SERVER_S = 20.0
"""How long a server is asked that never answered."""
logger = logging.getLogger(__name__)


class OutOfReachError(Exception):
    """A server does not answer, or says that it cannot now."""


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
            ArchiveError: nobody answered for too long.
        """
        seconds = self.seconds if self._answered else min(self.seconds, UNKNOWN_SERVER_S)
        attempts = Retrying(
            retry=retry_if_exception_type(OutOfReachError),
            wait=wait_random_exponential(FIRST_PAUSE_S, LONGEST_PAUSE_S),
            stop=stop_after_delay(seconds),
            before=lambda _: self._take_turn(),
            before_sleep=lambda state: logger.warning("The archive does not answer; attempt %d.", state.attempt_number),
            reraise=True,
        )
        try:
            answer = attempts(question)
        except OutOfReachError as error:
            raise ArchiveError(
                f"The archive has been out of reach for {seconds:.0f} s ({error}); nothing is lost: check it, then "
                "give the same command again."
            ) from error
        self._answered = True
        return answer

    def _take_turn(self) -> None:
        """Wait until the next request may go out."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        time.sleep(turn - now)
