"""A small archive of generated films with a label table, and settings that train it in seconds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harvest.training.config import TrainConfig
from harvest.training.phases import Row
from harvest.training.run import TrainRequest
from harvest.training.tables import Selection

FILMS, PATIENTS = 26, 13
PHASE = {"epochs": 2, "batch_size": 6, "optimiser": "adamw", "learning_rate": 1e-3}
SETTINGS: dict[str, Any] = {
    "seed": 7,
    "precision": "fp32",
    "network": {
        "backbone": "lcnet_050",
        "input_hw": (64, 96),
        "in_channels": 1,
        "deep_channels": 8,
        "shallow_channels": 8,
        "iterations": 2,
    },
    "data": {"validation_share": 0.25, "workers": 0},
    "classifier": PHASE | {"epochs": 1},
    "warm_up": PHASE | {"epochs": 1, "optimiser": "sgd"},
    "end_to_end": PHASE | {"ema_decay": 0.8, "keep": "best", "schedule": "cosine"},
    "attention_mining": PHASE | {"mined_share": 0.34, "knowledge_ratio": 0.5, "first_step": "skip"},
}


class Recorder:
    """Remembers what it was told; stops the training, as a kill would, before the given epoch is reported."""

    def __init__(self, stop: tuple[str, int] | None = None) -> None:
        self.rows: list[Row] = []
        self.begun: list[str] = []
        self.stop = stop

    def begin(self, phase: str, epochs: int, films: int) -> None:
        self.begun.append(phase)

    def advance(self, films: int) -> None:
        pass

    def end_epoch(self, row: Row) -> None:
        self.rows.append(row)
        if self.stop == (row["phase"], row["epoch"]):
            raise KeyboardInterrupt


@dataclass(frozen=True)
class Archive:
    """Where it is, and trainings of it."""

    images: Path
    labels: Path

    @property
    def settings(self) -> Path:
        return self.labels.with_name("settings.json")

    def recorder(self, stop: tuple[str, int] | None = None) -> Recorder:
        return Recorder(stop)

    def request(self, out: Path, **values: Any) -> TrainRequest:
        selection = Selection(
            self.images, self.labels, **{k: values.pop(k) for k in ("mine", "lenient") if k in values}
        )
        request = TrainRequest(selection, out, TrainConfig.model_validate(SETTINGS), device="cpu")
        return replace(request, **values)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Nets so small are slower with several threads, and much slower where other work shares the processor."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """26 grey films of 13 patients; Mass is a bright spot on the left, Effusion a bright base."""
    folder = tmp_path_factory.mktemp("films")
    images = folder / "images"
    images.mkdir()
    random = np.random.default_rng(0)
    lines = ["Image Index,Finding Labels,Patient ID,split,pick"]
    for index in range(FILMS):
        film = random.normal(110, 20, (80, 100))
        labels = []
        if index % 2:
            film[20:36, 15:31] += 90
            labels.append("Mass")
        if index % 3 == 0:
            film[60:] += 70
            labels.append("Effusion")
        Image.fromarray(film.clip(0, 255).astype(np.uint8)).save(images / f"{index:03}.png")
        split = "dev" if index >= FILMS - 6 else "train"
        lines.append(f"{index:03}.dcm,{'|'.join(labels) or 'No Finding'},{index % PATIENTS},{split},{int(index < 4)}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    (folder / "settings.json").write_text(TrainConfig.model_validate(SETTINGS).model_dump_json())
    return Archive(images, folder / "labels.csv")
