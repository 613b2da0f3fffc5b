"""What ``iam-harvest train`` does: settings from file and options, then training, in process or as a Prefect flow."""

from dataclasses import dataclass
from pathlib import Path

from flows.prefect_server import chosen_server
from flows.train_progress import TerminalObserver, watching
from harvest.training.config import TrainConfig, load_train_config
from harvest.training.run import TrainRequest, train
from harvest.training.tables import Selection


@dataclass(frozen=True, slots=True)
class TrainForm:
    """The options of the command."""

    images: Path
    labels: Path
    out: Path
    split_column: str | None = None
    splits: tuple[str, ...] = ()
    mine: str | None = None
    lenient: bool = False
    work: Path | None = None
    base: Path | None = None
    device: str = "auto"

    def settings(self, config: Path | None, preset: str | None, init: str | None) -> TrainConfig:
        """Read settings; the bundle gets the name of its directory unless they name it.

        Raises:
            SettingsError: a setting is unknown or impossible.
        """
        read = load_train_config(config, preset, init=init)
        return read if "name" in read.model_fields_set else read.model_copy(update={"name": self.out.name})


def run_training(form: TrainForm, config: TrainConfig, prefect: bool) -> None:
    """Train, show progress, and say where the bundle is."""
    with TerminalObserver() as observer:
        out, digest = _as_flow(form, config, observer) if prefect else _in_process(form, config, observer)
    if digest:
        print(f"Bundle {out} written, digest {digest[:16]}.")


def _in_process(form: TrainForm, config: TrainConfig, observer: TerminalObserver) -> tuple[str, str]:
    selection = Selection(form.images, form.labels, form.split_column, form.splits, form.mine, form.lenient)
    summary = train(TrainRequest(selection, form.out, config, form.work, form.device, form.base), observer)
    for line in summary.skipped:
        observer.note(f"left out: {line}")
    return str(summary.out), summary.digest


def _as_flow(form: TrainForm, config: TrainConfig, observer: TerminalObserver) -> tuple[str, str]:
    """Run the Prefect flow, on a server of its own unless ``PREFECT_API_URL`` names one."""
    with chosen_server():
        from flows.train_iam import TrainOptions, train_iam  # Prefect reads its settings when it is imported

        options = TrainOptions(
            split_column=form.split_column,
            splits=form.splits,
            mine=form.mine,
            lenient=form.lenient,
            work=form.work,
            base=form.base,
            device=form.device,
            config=config,
        )
        watching.set(observer)
        result = train_iam(form.images, form.labels, form.out, options)
    return result["bundle"], result["digest"]
