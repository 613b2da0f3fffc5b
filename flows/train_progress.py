"""A training on the terminal: one bar that moves with the films, one line per epoch."""

import sys
from contextvars import ContextVar
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harvest.training.phases import Observer, Row

watching: ContextVar[Observer | None] = ContextVar("watching", default=None)
"""Who watches in this process while a Prefect flow, whose parameters are data only, does the work."""


class TerminalObserver:
    """Shows phases and epochs on stderr; a bar only where that is a terminal. Use it in a ``with`` statement."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar = self._progress.add_task("reading films", total=None)
        self._console = console
        self._phase, self._epochs, self._films = "", 0, 0

    def __enter__(self) -> Self:
        """Start the bar."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    def note(self, line: str) -> None:
        """Print a line of its own."""
        self._console.print(line, highlight=False)

    def begin(self, phase: str, epochs: int, films: int) -> None:
        """A phase begins."""
        self._phase, self._epochs, self._films = phase, epochs, films
        self._progress.reset(self._bar, total=films, description=phase)

    def advance(self, films: int) -> None:
        """Films went through."""
        self._progress.advance(self._bar, films)

    def end_epoch(self, row: Row) -> None:
        """An epoch is finished."""
        self._console.print(describe_epoch(row, self._epochs), highlight=False)
        following = f"{self._phase} {row['epoch'] + 1}/{self._epochs}"
        self._progress.reset(self._bar, total=self._films, description=following)


def describe_epoch(row: Row, epochs: int) -> str:
    """Say in one line what an epoch brought."""
    parts = [f"{row['phase']} {row['epoch']}/{epochs}", f"loss {row['loss']:.4f}"]
    if row["knowledge"]:
        parts.append(f"lambda L_KP / L_cls {row['knowledge_ratio']:.2f}")
    if row["validation_loss"] is not None:
        parts.append(f"validation loss {row['validation_loss']:.4f}")
    if row["validation_auc"] is not None:
        parts.append(f"mean AUC {row['validation_auc']:.3f}")
    return " · ".join([*parts, f"{row['films_per_second']:.1f} films/s"])
