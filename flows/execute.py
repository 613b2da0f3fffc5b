"""Where a run takes place: in this process, or as the Prefect flow on a server."""

import logging
import os

from flows.prefect_server import chosen_server
from harvest.bucket.home import address_of
from harvest.run import Observer, RunRequest, RunSummary, Session, open_session, run_harvest

logger = logging.getLogger(__name__)


def execute(request: RunRequest, with_prefect: bool, observer: Observer) -> RunSummary:
    """Run a harvest; Prefect is started only when it is wanted and something is new.

    Raises:
        IamHarvestError: the run cannot start, or too much was rejected.
    """
    if not with_prefect and not os.environ.get("PREFECT_API_URL"):
        return run_harvest(request, observer)
    with open_session(request) as session:
        if session.plan.shards:
            return _as_flow(session, observer)
        session.start()
        return session.finish()


def _as_flow(session: Session, observer: Observer) -> RunSummary:
    request = session.request
    with chosen_server():
        from flows.harvest_archive import HarvestOptions, harvest_archive, opened  # Prefect reads its settings now

        token = opened.set((session, observer))
        try:
            return harvest_archive(request.archive, request.model, address_of(request.lake), HarvestOptions.of(request))
        except Exception as error:
            if session.finished is None:
                raise
            # The lake is complete; only what Prefect shows of the run is not.
            logger.warning("The run is finished, but the Prefect server did not take its last state (%s).", error)
            return session.finished
        finally:
            opened.reset(token)
