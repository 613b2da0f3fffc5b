"""Runs whose process is gone, seen by Prefect's server itself: their heartbeats stop, and it calls them crashed.

Source: Prefect's documentation, "How to detect and respond to zombie flows" (docs.prefect.io).
"""

from datetime import timedelta
from typing import cast

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

ENVIRONMENT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
"""Of the processes of runs: seconds between heartbeats, no fewer of which Prefect takes."""
BEAT = "prefect.flow-run.heartbeat"
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")
SILENT = "The process of this run gives no sign of life. The next run goes on with it."


def watch_heartbeats(tag: str, seconds: float) -> None:
    """Have the server call runs crashed that fell silent.

    Args:
        tag: of these runs; the rule's name, too, so that it is there once.
        seconds: without a heartbeat.
    """
    trigger = EventTrigger(
        after={BEAT},
        expect={BEAT, *(f"prefect.flow-run.{name}" for name in ENDS)},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(
            {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"}
        ),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        within=timedelta(seconds=seconds),
    )
    crash = ChangeFlowRunState(state=StateType.CRASHED, message=SILENT)
    rule = Automation(name=f"{tag}: runs without a sign of life", trigger=trigger, actions=[crash])
    try:
        rule.id = cast(Automation, Automation.read(name=rule.name)).id  # a coroutine only where an event loop runs
    except ValueError:  # there is none of this name
        rule.create()
    else:
        rule.update()
