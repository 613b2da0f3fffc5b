"""The service class provider of C-STORE and C-ECHO (DICOM PS3.4 annex B, PS3.7), on pynetdicom.

A sender is answered "success" when its film is synced to disk, and "out of resources" (A700) where it cannot be. Logs
count films by sender and never name one.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pydicom import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event, EventHandlerType
from pynetdicom.transport import ThreadedAssociationServer

from harvest.decode.layout import NATIVE, PLUGINS
from harvest.errors import ReceiverError
from harvest.receiving.inbox import Inbox, open_inbox
from harvest.receiving.spec import ReceiverSpec

STORAGE = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
VERIFICATION = UID("1.2.840.10008.1.1")
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
MIB = 2**20
PDU_BYTES = 2**17
GRACE_S = 30.0
"""How long open associations may go on when the receiver is told to end."""

_config.LOG_HANDLER_LEVEL = "none"  # its logs hold what senders say, which may be anything
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
logger = logging.getLogger(__name__)


@contextmanager
def receiving(spec: ReceiverSpec) -> Iterator[None]:
    """Receive films in threads while the block runs; at its end open associations finish, and no new one begins.

    Raises:
        ReceiverError: the inbox cannot be used, or the port is taken.
    """
    with open_inbox(spec.inbox) as inbox:
        server = _start(spec, _Handlers(inbox, spec.max_mib))
        try:
            yield
        finally:
            _finish(server)


def _start(spec: ReceiverSpec, handlers: "_Handlers") -> ThreadedAssociationServer:
    entity = AE(spec.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(spec.allow)
    entity.maximum_associations = spec.associations
    entity.maximum_pdu_size = PDU_BYTES
    entity.add_supported_context(VERIFICATION)
    for storage in STORAGE:
        entity.add_supported_context(storage, [*NATIVE, *PLUGINS])
    bound: list[EventHandlerType] = [
        (evt.EVT_PDU_RECV, handlers.on_data),
        (evt.EVT_C_STORE, handlers.on_store),
        (evt.EVT_REJECTED, handlers.on_rejected),
        (evt.EVT_CONN_CLOSE, handlers.on_close),
    ]
    try:
        server = entity.start_server((spec.bind, spec.port), block=False, evt_handlers=bound)
    except OSError as error:
        raise ReceiverError(
            f"Cannot listen on {spec.bind}:{spec.port} ({error.strerror}); give another port or address."
        ) from error
    assert server is not None
    return server


def _finish(server: ThreadedAssociationServer) -> None:
    server.shutdown()
    deadline = time.monotonic() + GRACE_S
    try:
        for association in server.active_associations:
            association.join(max(0.0, deadline - time.monotonic()))
    finally:
        for association in server.active_associations:
            association.abort()


class _Handlers:
    """What is done for senders; each association has a thread of its own."""

    def __init__(self, inbox: Inbox, max_mib: int) -> None:
        self._inbox, self._max_mib = inbox, max_mib
        self._counts: defaultdict[Association, Counter[str]] = defaultdict(Counter)

    def on_data(self, event: Event) -> None:
        """Drop the rest of an object that is too large, as it comes in."""
        message = event.assoc.dimse.message
        if message and message.data_set and message.data_set.tell() > self._max_mib * MIB:
            message.data_set = _Nowhere()

    def on_store(self, event: Event) -> Dataset:
        """Keep a film, and say what became of it."""
        counts, request = self._counts[event.assoc], event.request
        assert isinstance(request, C_STORE)
        if request.DataSet is None or not request.DataSet.getbuffer().nbytes:
            counts["refused"] += 1
            return _answer(OUT_OF_RESOURCES, f"Empty, or larger than {self._max_mib} MiB")
        try:
            counts[self._inbox.land(str(request.AffectedSOPInstanceUID), event.encoded_dataset())] += 1
        except OSError as error:
            counts["refused"] += 1
            if counts["refused"] == 1:  # a full disk would fill the log, too
                logger.error("A film cannot be written (%s); its sender is told so.", error.strerror)
            return _answer(OUT_OF_RESOURCES, "The film cannot be written now; send it again later")
        return _answer(SUCCESS)

    def on_rejected(self, event: Event) -> None:
        """Say whose association was refused, so that an operator can allow it."""
        asked = event.assoc.requestor.primitive
        called = asked.called_ae_title if asked else ""
        logger.warning("Refused an association of %s, who calls %r", _sender(event.assoc), called)

    def on_close(self, event: Event) -> None:
        """Say what an association brought."""
        if counts := self._counts.pop(event.assoc, None):
            told = ", ".join(f"{counts[kind]} {kind}" for kind in ("new", "again", "changed", "refused"))
            logger.info("Received from %s: %s", _sender(event.assoc), told)


class _Nowhere(BytesIO):
    """Takes bytes and keeps none."""

    def write(self, data: object) -> int:
        """Forget."""
        return 0


def _answer(status: int, comment: str = "") -> Dataset:
    answer = Dataset()
    answer.Status = status
    if comment:
        answer.ErrorComment = comment
    return answer


def _sender(association: Association) -> str:
    return f"{association.requestor.ae_title!r} at {association.requestor.address}"
