"""Harvests of a service as deployments on a Prefect server, each with its schedule."""

from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron, Interval, Schedule
from prefect.types.entrypoint import EntrypointType

from flows.demo_ui import flow_parameters
from flows.harvest_archive import harvest_archive
from flows.help_harvest import help_harvest
from flows.service.spec import HarvestSpec, ServiceSpec
from flows.service.watch import ServiceOptions
from flows.serving.heartbeat import ENVIRONMENT, watch_heartbeats

TAG = "iam-harvest"
HELPERS = "helpers"
"""Queue of the pool; harvests wait in another one, so that helpers never take their place."""


def deploy(spec: ServiceSpec, folder: Path) -> dict[str, UUID]:
    """Register pool and deployments on the server that Prefect's settings name; what the file no longer names goes.

    Args:
        spec: the service.
        folder: where a worker runs.

    Returns:
        Ids of the deployments, by name of the harvest.
    """
    _make_pool(spec)
    made = {name: _deploy_one(spec, name, folder) for name in spec.harvests}
    helpers = {_deploy_helpers(spec, folder)} if spec.has_helpers else set()
    _drop_others(spec, helpers | set(made.values()))
    watch_heartbeats(TAG, spec.watch.silent_after)
    return made


def _make_pool(spec: ServiceSpec) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(spec.pool)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=spec.pool, type="process"))
        client.update_work_pool(spec.pool, WorkPoolUpdate(concurrency_limit=None))
        queue = client.read_work_queue_by_name("default", work_pool_name=spec.pool)
        client.update_work_queue(queue.id, concurrency_limit=spec.at_once)


def _deploy_one(spec: ServiceSpec, name: str, folder: Path) -> UUID:
    harvest = spec.harvests[name]
    deployment = RunnerDeployment.from_flow(
        harvest_archive,
        name,
        schedule=_schedule(harvest),
        parameters=_parameters(spec, name),
        concurrency_limit=1 if spec.at_once > 1 else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        work_pool_name=spec.pool,
        job_variables=_process(folder),
        description=f"Harvests {harvest.archive} into {harvest.lake}.",
        tags=[TAG],
    )
    return cast(UUID, deployment.apply())  # it is a coroutine only where an event loop runs


def _deploy_helpers(spec: ServiceSpec, folder: Path) -> UUID:
    deployment = RunnerDeployment.from_flow(
        help_harvest,
        spec.pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
        work_pool_name=spec.pool,
        work_queue_name=HELPERS,
        job_variables=_process(folder),
        description="Helps a harvest that is under way with its shards.",
        tags=[TAG],
    )
    return cast(UUID, deployment.apply())  # as above


def _process(folder: Path) -> dict[str, Any]:
    """Return what the process of a run is given by its worker."""
    return {"working_dir": str(folder), "env": ENVIRONMENT}


def _parameters(spec: ServiceSpec, name: str) -> dict[str, Any]:
    harvest = spec.harvests[name]
    night = {"window": harvest.window, "timezone": harvest.timezone}
    helpers = f"{help_harvest.name}/{spec.pool}" if spec.has_helpers else None
    service = ServiceOptions(harvest=name, helpers=helpers, **night, **dict(spec.watch))
    return flow_parameters(harvest.request()) | {"service": service.model_dump(mode="json")}


def _schedule(harvest: HarvestSpec) -> Schedule | None:
    if harvest.cron:
        return Cron(harvest.cron, timezone=harvest.timezone)
    return Interval(harvest.every, timezone=harvest.timezone) if harvest.every else None


def _drop_others(spec: ServiceSpec, kept: set[UUID]) -> None:
    ours = FlowFilter(name=FlowFilterName(any_=[harvest_archive.name, help_harvest.name]))
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments(flow_filter=ours):
            if deployment.work_pool_name == spec.pool and TAG in deployment.tags and deployment.id not in kept:
                client.delete_deployment(deployment.id)
