"""The part of ChestX-ray14 that ``nih-mini`` and the ablation are made and measured with: two splits, two purposes."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from trainer import Trainer

from harvest.evaluation.of_lake import EvaluationRequest
from harvest.training.tables import Selection

SPLIT_COLUMN = "split"
SPLITS = {"train": "train", "tune": "dev", "score": "train"}
"""To train on (labels), to choose thresholds on (boxes), to score on (boxes of films whose labels were trained on)."""


@dataclass(frozen=True)
class NihFilms:
    """Films, label table and box table in one folder; bundles in another."""

    data: Path
    directory: Path

    @classmethod
    def from_command_line(cls, description: str) -> "NihFilms":
        """Read the options that all scripts on these films share."""
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        given = os.environ.get("IAM_REAL_DATA")
        parser.add_argument(
            "--data",
            type=Path,
            required=given is None,
            default=Path(given, "nih") if given else None,
            help="folder with images/, labels.csv (columns of ChestX-ray14, and split: train, dev) and boxes.csv",
        )
        parser.add_argument("--work", type=Path, default=Path("work/nih"))
        options = parser.parse_args()
        return cls(options.data, options.work)

    @property
    def trainer(self) -> Trainer:
        """Trains from the preset ``small`` on the films of the split train."""
        selection = Selection(self.data / "images", self.data / "labels.csv", SPLIT_COLUMN, (SPLITS["train"],))
        return Trainer(self.directory / "bundles", selection, "small")

    def request(self, purpose: str) -> EvaluationRequest:
        """Return films, labels and boxes for a purpose."""
        return EvaluationRequest(
            self.data / "boxes.csv",
            labels=self.data / "labels.csv",
            split_column=SPLIT_COLUMN,
            splits=(SPLITS[purpose],),
            images=self.data / "images",
        )
