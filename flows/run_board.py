"""What the Prefect UI shows of a run: its name, moving progress, tables, a summary; never a pixel or an identifier."""

from collections import Counter
from pathlib import Path
from typing import cast
from uuid import UUID

from prefect import get_client, runtime
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.dispensable import Dispensable
from flows.tally import Tally
from harvest.pipeline import ShardSummary
from harvest.report.request import PAGE
from harvest.run import Session
from harvest.stages import duration

NOT_SHOWN = "The Prefect server does not take what a run shows (%s); the run goes on."


class RunBoard:
    """Observer that keeps the page of the current flow run up to date; films never wait for it, nor fail with it."""

    def __init__(self, session: Session) -> None:
        """Take archive and bundle from the session, whose plan is made.

        A pseudonym is shortened to what a person can compare; a name that the user gave is shown as it is.
        """
        alias = session.request.archive_name or session.keys.public_archive[:24]
        self._title = f"{alias} · {session.spec.name}"
        self._lake = session.lake.root
        self._tally = Tally(session.plan.pending)
        self._progress: UUID | None = None
        self._page = Dispensable(NOT_SHOWN)

    def on_plan(self, session: Session) -> None:
        """Name the run after what it is about to do, and start its progress at 0."""
        name = f"{self._title} · {session.plan.pending:,} films"
        with self._page.asked():
            with get_client(sync_client=True) as client:
                client.update_flow_run(UUID(runtime.flow_run.id), name=name)
            progress = create_progress_artifact(
                self._tally.percent, key="harvest-progress", description=self._tally.describe()
            )
            self._progress = cast(UUID, progress)  # it is a coroutine only where an event loop runs

    def on_shard(self, summary: ShardSummary) -> None:
        """Move the progress."""
        self._tally.add(summary)
        if self._progress is None:
            return
        with self._page.asked():
            update_progress_artifact(self._progress, self._tally.percent, description=self._tally.describe())

    def on_finish(self) -> None:
        """Leave tables of findings and rejections, and a summary."""
        with self._page.asked():
            findings = _rows(self._tally.findings, "finding", "boxes")
            create_table_artifact(findings, key="harvest-findings", description="Boxes by finding")
            rejections = _rows(self._tally.reasons, "reason", "instances")
            create_table_artifact(rejections, key="harvest-rejections", description="Rejected instances by reason")
            create_markdown_artifact(_summary(self._title, self._tally, self._lake), key="harvest-summary")


def _summary(title: str, tally: Tally, lake: Path) -> str:
    """Return the page of a finished run; the report is named by its path too, since browsers open no file from here."""
    states = "".join(f"| {state} | {tally.states[state]:,} |\n" for state in ("localized", "no_finding", "rejected"))
    stages = ", ".join(f"{words} {duration(seconds)}" for words, seconds in tally.stages())
    report = (lake / PAGE).resolve()
    return (
        f"# {title}\n\n{tally.objects:,} films, {tally.findings.total():,} boxes, {tally.pace}.\n\n"
        f"| state | instances |\n| --- | --- |\n{states}\nTime: {stages or 'none'}.\n\n"
        f"[Report]({report.as_uri()}): `{report}`\n"
    )


def _rows(counts: Counter[str], what: str, unit: str) -> list[dict[str, str | int]]:
    """Return a row per name; one that says none when there is nothing to count."""
    return [{what: name, unit: count} for name, count in counts.most_common()] or [{what: "none", unit: 0}]
