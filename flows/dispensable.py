"""What a run asks of Prefect's server beside its states: films hardly wait for it, and never fail with it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

logger = logging.getLogger(__name__)


class Dispensable:
    """Requests that may fail; the first that does is told."""

    def __init__(self, complaint: str) -> None:
        """Take what is said then; ``%s`` stands for the error."""
        self._complaint, self._warned = complaint, False

    @contextmanager
    def asked(self, retries: int = 0) -> Iterator[None]:
        """Ask the server, with less patience than Prefect's; where it does not answer, say so once and go on.

        Args:
            retries: of a request; the waits between them double, from some seconds on.
        """
        try:
            with temporary_settings(updates={PREFECT_CLIENT_MAX_RETRIES: retries}):
                yield
        except Exception as error:  # whatever the server is at: nothing of this is worth a film
            if not self._warned:
                logger.warning(self._complaint, error)
            self._warned = True
