"""``iam-harvest deploy``."""

from flows.cli.options import ServiceFile


def deploy(service: ServiceFile) -> None:
    """Register the schedules of a service on a Prefect server that runs; its workers do the harvest.

    Example: iam-harvest deploy service.toml

    PREFECT_API_URL names the server, for example http://prefect.example:4200/api.
    """
    from flows.serving.serve import deploy_to_server

    deploy_to_server(service)
