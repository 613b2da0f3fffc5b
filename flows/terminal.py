"""Progress of a run in the terminal: a bar for a person, plain lines for a log file."""

import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.tally import Tally
from harvest.run import Session

if TYPE_CHECKING:
    from harvest.pipeline import ShardSummary


class Terminal:
    """Observer that shows on stderr how far a run is; stdout stays free for results. Use it as a context."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._tally = Tally(0)
        self._bar = Progress(
            TextColumn("harvesting"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("films · {task.fields[rate]:.1f} films/s ·"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Nothing is shown before the plan is known."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()

    def on_plan(self, session: Session) -> None:
        """Show an empty bar, when there is something to do."""
        self._tally = Tally(session.plan.pending)
        if self._tally.total:
            self._bar.add_task("", total=self._tally.total, rate=0.0)
            self._bar.start()

    def on_shard(self, summary: "ShardSummary") -> None:
        """Show a finished shard."""
        self._tally.add(summary)
        if self._bar.disable:
            print(self._tally.describe(), file=sys.stderr)
        else:
            self._bar.update(self._bar.task_ids[0], completed=self._tally.objects, rate=self._tally.rate)
