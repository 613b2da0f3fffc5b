"""``iam-harvest serve``."""

from flows.cli.options import ServiceFile


def serve(service: ServiceFile) -> None:
    """Harvest by schedule: a Prefect server on this machine, schedules and a worker, until Ctrl-C or SIGTERM.

    Example: iam-harvest serve service.toml

    With PREFECT_API_URL, the server that runs there is used.
    """
    from flows.serving.serve import serve as run_service

    run_service(service)
