"""Bundles trained on one selection of films, under names, in one directory: what is there is not made again."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from flows.train_progress import TerminalObserver
from harvest.training.config import load_train_config
from harvest.training.run import TrainRequest, train
from harvest.training.tables import Selection


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


def note(line: str) -> None:
    """Say on stderr what is being done."""
    Console(stderr=True).print(line, highlight=False)
