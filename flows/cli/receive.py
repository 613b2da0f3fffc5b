"""``iam-harvest receive``."""

from pathlib import Path
from typing import Annotated

import typer


def receive(
    inbox: Annotated[Path, typer.Argument(help="Directory in which films land; made if need be.", show_default=False)],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 11112,
    ae_title: Annotated[str, typer.Option(help="AE title that senders call.")] = "IAMHARVEST",
    bind: Annotated[str, typer.Option(help="Address to listen on; others than loopback need --allow.")] = "127.0.0.1",
    allow: Annotated[list[str] | None, typer.Option(help="AE title that may send; repeat. Default: any.")] = None,
    max_mib: Annotated[int, typer.Option(help="Largest object taken, MiB.")] = 512,
    associations: Annotated[int, typer.Option(help="Most senders at a time.")] = 10,
) -> None:
    """Receive films that a PACS sends (DICOM C-STORE) into an inbox, until Ctrl-C or SIGTERM.

    Example: iam-harvest receive inbox --port 11112

    The inbox is an archive: `iam-harvest run inbox --out lake` harvests what has arrived.
    """
    from flows.cli.receiving import receive_until_stopped

    options = {"inbox": inbox, "port": port, "ae_title": ae_title, "bind": bind, "allow": allow or ()}
    receive_until_stopped(options | {"max_mib": max_mib, "associations": associations})
