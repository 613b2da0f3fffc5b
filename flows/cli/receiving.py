"""What ``receive`` does with its options."""

import logging
import threading
from typing import Any

from harvest.config import checked
from harvest.receiving.receiver import receiving
from harvest.receiving.spec import ReceiverSpec


def receive_until_stopped(options: dict[str, Any]) -> None:
    """Receive until this process is told to end, and say when it listens and what came.

    Raises:
        SettingsError: an option cannot be.
        ReceiverError: the inbox or the port cannot be used.
    """
    spec = checked(ReceiverSpec, options)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("harvest.receiving").setLevel(logging.INFO)
    try:
        with receiving(spec):
            print(f"{spec.ae_title} receives on {spec.bind}:{spec.port} into {spec.inbox}.", flush=True)
            threading.Event().wait()
    except (KeyboardInterrupt, SystemExit):
        print("The receiver has ended; what it acknowledged is in the inbox.", flush=True)
