"""The Prefect flow of a training: its log and its tables show phases, epochs and losses while they happen.

The training is one task, since its phases follow each other on one machine and keep their own checkpoints: run again
with the same directories, the flow goes on where it stopped. What enters Prefect's database is paths, settings and
figures.
"""

from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE

from flows.train_progress import describe_epoch, watching
from harvest.training.config import TrainConfig, load_train_config
from harvest.training.phases import Row
from harvest.training.run import TrainRequest, TrainSummary, train
from harvest.training.tables import Selection
from models.spec import Frozen


class TrainOptions(Frozen):
    """What a training may say beside images, labels and bundle."""

    split_column: str | None = None
    splits: tuple[str, ...] = ()
    mine: str | None = None
    lenient: bool = False
    work: Path | None = None
    base: Path | None = None
    device: str = "auto"
    config: TrainConfig = load_train_config()


class BoardObserver:
    """Shows a training in the Prefect UI, and tells who else watches in this process."""

    def __init__(self) -> None:
        self._other = watching.get()
        self._log = get_run_logger()
        self._rows: list[Row] = []
        self._epochs, self._films, self._done, self._percent = 1, 1, 0, 0
        progress = create_progress_artifact(0.0, key="training-progress", description="reading films")
        self._progress = cast(UUID, progress)  # it is a coroutine only where an event loop runs

    def begin(self, phase: str, epochs: int, films: int) -> None:
        """A phase begins: its progress starts anew."""
        self._epochs, self._films, self._done, self._percent = epochs, epochs * films, 0, 0
        self._log.info("%s: at most %d epochs of %d films", phase, epochs, films)
        update_progress_artifact(self._progress, 0.0, description=phase)
        if self._other is not None:
            self._other.begin(phase, epochs, films)

    def advance(self, films: int) -> None:
        """Films went through; the page is told at whole per cents only, for each telling is a request."""
        self._done += films
        percent = min(100, 100 * self._done // self._films)
        if percent > self._percent:
            self._percent = percent
            update_progress_artifact(self._progress, float(percent))
        if self._other is not None:
            self._other.advance(films)

    def end_epoch(self, row: Row) -> None:
        """An epoch is finished: a line in the log, a row in the table."""
        self._rows.append(row)
        self._log.info(describe_epoch(row, self._epochs))
        create_table_artifact(self._rows, key="training-epochs", description="Figures of all epochs")
        if self._other is not None:
            self._other.end_epoch(row)


@task(name="train", cache_policy=NO_CACHE)
def train_one(request: TrainRequest) -> TrainSummary:
    """Train a bundle, or go on with it."""
    return train(request, BoardObserver())


@flow(name="train-iam", flow_run_name="train {out}", validate_parameters=True)
def train_iam(images: Path, labels: Path, out: Path, options: TrainOptions) -> dict[str, Any]:
    """Train a bundle from a folder of films and a label table.

    Args:
        images: directory of films.
        labels: label table.
        out: directory of the bundle.
        options: splits, films to mine, settings, device, directories.

    Returns:
        Directory and digest of the bundle.
    """
    selection = Selection(images, labels, options.split_column, options.splits, options.mine, options.lenient)
    summary = train_one(TrainRequest(selection, out, options.config, options.work, options.device, options.base))
    return {"bundle": str(summary.out), "digest": summary.digest}
