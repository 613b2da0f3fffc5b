"""``iam-harvest deploy``."""

from flows.cli.options import ServiceFile


def deploy(service: ServiceFile) -> None:
    """Register the schedules of a service on the Prefect server of PREFECT_API_URL; workers do the harvest.

    Example: PREFECT_API_URL=http://prefect.example:4200/api iam-harvest deploy service.toml
    """
    from flows.service.serve import deploy_to_server

    deploy_to_server(service)
