"""What ``iam-harvest evaluate`` does with its options."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows.cli.evaluation_tables import show_evaluation
from flows.cli.frames import parse_frame
from flows.cli.render import print_json
from flows.prefect_server import chosen_server
from harvest.config import EngineConfig
from harvest.corrections import latest_import
from harvest.errors import SettingsError
from harvest.evaluate import evaluate_bundle, evaluate_harvest, write_evaluation
from harvest.evaluation.measure import Sampling
from harvest.evaluation.of_lake import Evaluation, EvaluationRequest
from harvest.pipeline import ShardSummary


@dataclass(frozen=True)
class EvaluationForm:
    """The options as they were typed."""

    boxes: Path | None
    images: Path | None
    labels: Path | None
    box_frame: str
    split_column: str | None
    split: str | None
    lenient: bool
    resamples: int
    seed: int

    def request(self, lake: Path | None) -> EvaluationRequest:
        """Return the request they make; without a box table, of the boxes last imported into the lake.

        Raises:
            SettingsError: the frame is neither ``WIDTHxHEIGHT`` nor ``image``, or there is neither table nor lake.
            TableError: nothing was imported into the lake.
        """
        if self.boxes is None and lake is None:
            raise SettingsError("Give the box table with --boxes.")
        return EvaluationRequest(
            boxes=self.boxes or latest_import(lake or Path()),
            frame=parse_frame(self.box_frame if self.boxes else "image"),
            labels=self.labels,
            split_column=self.split_column,
            splits=tuple(name.strip() for name in (self.split or "").split(",") if name.strip()),
            images=self.images,
            lenient=self.lenient,
            sampling=Sampling(self.resamples, self.seed),
        )


def run_evaluation(
    request: EvaluationRequest, bundle: str | None, lake: Path | None, device: str, prefect: bool
) -> Evaluation:
    """Evaluate a lake, or a bundle with a progress bar or as a Prefect flow.

    Raises:
        SettingsError: neither bundle nor lake is given.
    """
    if lake is not None:
        return evaluate_harvest(lake, request, bundle)
    if bundle is None:
        raise SettingsError("Give a BUNDLE to evaluate, or --lake with a harvested lake.")
    engine = EngineConfig(device=device)
    return _as_flow(bundle, request, engine) if prefect else _with_progress(bundle, request, engine)


def report_evaluation(evaluation: Evaluation, out: Path | None, as_json: bool) -> None:
    """Print the figures, and write files where asked."""
    if as_json:
        print_json(evaluation.metrics)
    else:
        show_evaluation(evaluation.metrics)
    if out is not None:
        metrics, page = write_evaluation(evaluation, out)
        Console(stderr=True).print(f"Written: {metrics} and {page}", soft_wrap=True)


def _with_progress(bundle: str, request: EvaluationRequest, engine: EngineConfig) -> Evaluation:
    columns = (TextColumn("films"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("films", total=None)

        def observe(_: ShardSummary, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        return evaluate_bundle(bundle, request, engine, observe)


def _as_flow(bundle: str, request: EvaluationRequest, engine: EngineConfig) -> Evaluation:
    with chosen_server():
        from flows.evaluate_bundle import evaluate_bundle as flow

        return flow(bundle, request, engine)
