"""The phantoms that the demo bundle and the ablation are made and measured with: four seeds, four purposes."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from trainer import Trainer, note

from harvest.evaluation.of_lake import EvaluationRequest
from harvest.phantom import PhantomRange, write_archive
from harvest.training.tables import Selection

SEEDS = {"train": 11, "tune": 12, "score": 15, "unseen": 16}
"""To train on, to choose thresholds on, to compare variants on, to measure what was chosen on."""


@dataclass(frozen=True)
class Workplace:
    """Archives and bundles in one directory; what is there is not made again."""

    directory: Path
    films: dict[str, int]

    @classmethod
    def from_command_line(cls, description: str) -> "Workplace":
        """Read the options that all scripts on phantoms share."""
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--work", type=Path, default=Path("work/phantoms"))
        parser.add_argument("--train-films", type=int, default=4000)
        parser.add_argument("--tune-films", type=int, default=400)
        parser.add_argument("--score-films", type=int, default=800)
        given = parser.parse_args()
        scored = {"score": given.score_films, "unseen": given.score_films}
        return cls(given.work, {"train": given.train_films, "tune": given.tune_films} | scored)

    def archive(self, purpose: str) -> Path:
        """Return the archive for a purpose, drawn if need be."""
        directory = self.directory / purpose
        if not (directory / "boxes.csv").exists():
            count = self.films[purpose]
            note(f"drawing {count:,} films to {purpose}")
            write_archive(directory, PhantomRange(count, "png", SEEDS[purpose]))
        return directory

    def request(self, purpose: str) -> EvaluationRequest:
        """Return films, labels and boxes of an archive."""
        archive = self.archive(purpose)
        return EvaluationRequest(archive / "boxes.csv", None, archive / "labels.csv", images=archive / "images")

    def bundle(self, name: str, base: str | None = None, **settings: object) -> Path:
        """Return a bundle of the preset ``demo``; see :meth:`trainer.Trainer.bundle`."""
        archive = self.archive("train")
        selection = Selection(archive / "images", archive / "labels.csv")
        return Trainer(self.directory / "bundles", selection, "demo").bundle(name, base, **settings)
