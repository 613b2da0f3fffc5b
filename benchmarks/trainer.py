"""Bundles trained on one selection of films, under names, in one directory: what is there stays; shipping."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from flows.train_progress import TerminalObserver
from harvest.evaluation.of_lake import EvaluationRequest
from harvest.training.config import load_train_config
from harvest.training.run import TrainRequest, train
from harvest.training.tables import Selection
from harvest.tuning import measure_into_card, tune_thresholds
from models.bundle_files import CARD_FILE, SPEC_FILE, WEIGHTS_FILE

SHIPPED = Path(__file__).parents[1] / "models" / "bundles"


@dataclass(frozen=True)
class Trainer:
    """Trains from one preset; a bundle differs from it by what is said when it is asked for."""

    directory: Path
    selection: Selection
    preset: str

    def bundle(self, name: str, base: str | None = None, **settings: object) -> Path:
        """Return a bundle, trained if need be.

        Args:
            name: of the bundle.
            base: another bundle, whose first network is mined; None: everything is trained.
            **settings: that differ from the preset.
        """
        out = self.directory / name
        if not (out / "bundle.json").exists():
            note(f"training {name}")
            weights = self.directory / f"{base}.work" / "end_to_end.safetensors" if base else None
            config = load_train_config(preset=self.preset, name=name, **settings)
            with TerminalObserver() as observer:
                train(TrainRequest(self.selection, out, config, base=weights), observer)
        return out


def ship(bundle: Path, name: str, tune: EvaluationRequest, score: EvaluationRequest, films: str) -> None:
    """Choose a bundle's thresholds on some films, measure it on others (``films`` in words), put it in the package."""
    ready = bundle.with_name(f"{name}-ready")
    note("choosing thresholds")
    tune_thresholds(str(bundle), tune, ready)
    note("measuring")
    measure_into_card(str(ready), score, films)
    (SHIPPED / name).mkdir(parents=True, exist_ok=True)
    for file in (WEIGHTS_FILE, SPEC_FILE, CARD_FILE):
        shutil.copyfile(ready / file, SHIPPED / name / file)
    note(f"{SHIPPED / name} written")


def note(line: str) -> None:
    """Say on stderr what is being done."""
    Console(stderr=True).print(line, highlight=False)
