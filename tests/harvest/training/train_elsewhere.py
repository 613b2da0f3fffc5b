"""Trains a bundle in a process of its own: images, labels, settings (JSON), directory of the bundle."""

import sys
from pathlib import Path

from harvest.training.config import TrainConfig
from harvest.training.phases import Row
from harvest.training.run import TrainRequest, train
from harvest.training.tables import Selection


class Silent:
    """Is told, and says nothing."""

    def begin(self, phase: str, epochs: int, films: int) -> None:
        """Nothing."""

    def advance(self, films: int) -> None:
        """Nothing."""

    def end_epoch(self, row: Row) -> None:
        """Nothing."""


if __name__ == "__main__":
    images, labels, settings, out = map(Path, sys.argv[1:])
    config = TrainConfig.model_validate_json(settings.read_text())
    train(TrainRequest(Selection(images, labels), out, config, device="cpu"), Silent())
