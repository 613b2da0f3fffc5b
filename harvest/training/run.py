"""Training, end to end: tables, films, the phases of the paper, operating points, bundle.

Under ``torchrun`` several processes share each batch; the first of them writes.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from harvest.config import EngineConfig
from harvest.engine import resolve_engine
from harvest.errors import SettingsError, TableError
from harvest.gates import choose_gates, with_gates
from harvest.training.card import model_card, provenance, with_localization
from harvest.training.config import TrainConfig
from harvest.training.films import FilmSet, decode_to_cache
from harvest.training.phases import Observer, Row, Workshop, write_figures
from harvest.training.schedule import load_base, mine, train_base
from harvest.training.tables import Selection, TrainingFilms, select_films
from harvest.training.validation import Validation, validate
from models.augmentation import Augmentation
from models.bundle import round_weights, save_bundle
from models.iam import IAM
from models.spec import BundleSpec, FindingSpec
from models.training import Machine
from models.updates import process_count, process_rank

CACHE = "cache"
"""Folder, in the work directory, of decoded films."""
RUN_FILE = "training.json"
"""In the work directory: which training it belongs to."""


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What to train.

    Attributes:
        selection: films, labels, splits, films to mine.
        out: directory of the bundle.
        config: all settings.
        work: directory of checkpoints and cache; None: beside ``out``, with ``.work`` added.
        device: auto, cpu, cuda or cuda:N.
        base: weights of a finished base network, which then is not trained again.
    """

    selection: Selection
    out: Path
    config: TrainConfig
    work: Path | None = None
    device: str = "auto"
    base: Path | None = None

    @property
    def work_directory(self) -> Path:
        """Where checkpoints are kept."""
        return self.work or self.out.with_name(f"{self.out.name}.work")


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """What came of it.

    Attributes:
        out: directory of the bundle.
        digest: of the bundle.
        rows: figures of all epochs.
        skipped: lines of the tables that were left out.
    """

    out: Path
    digest: str
    rows: tuple[Row, ...]
    skipped: tuple[str, ...]


def train(request: TrainRequest, observer: Observer) -> TrainSummary:
    """Train a bundle; take up an unfinished training of the same films and settings in the same work directory.

    Raises:
        IamHarvestError: the tables, films, settings or initial weights do not serve; the message says what to do.
    """
    with _processes(request.device):
        config = request.config
        selected = select_films(request.selection, config.data, config.seed, config.network.findings)
        _claim(request, selected)
        workshop = _open_workshop(request, selected, observer)
        if request.base is None:
            base = train_base(config, workshop)
        else:
            base = load_base(request.base, config, workshop.machine)
        model = mine(base, config, workshop)
        round_weights(model, config.stored_weights)
        found = validate(model.network(1), workshop.held_out, workshop.machine, workshop.workers)
        digest = _save(request, model, found, workshop, selected) if process_rank() == 0 else ""
        return TrainSummary(request.out, digest, tuple(workshop.history), selected.skipped)


def _open_workshop(request: TrainRequest, selected: TrainingFilms, observer: Observer) -> Workshop:
    """Decode what is cached, and share films out for training and validation."""
    config, hw, data = request.config, request.config.network.input_hw, request.config.data
    cache = None
    if data.cache == "always" or (data.cache == "auto" and len(selected.films) * hw[0] * hw[1] <= data.cache_bytes):
        with _first_process_first():
            directory = request.work_directory / CACHE
            cache = decode_to_cache(selected.source, selected.films, hw, directory, data.workers)
        selected = selected.subset(np.array([one.path in cache.rows for one in selected.films.objects]))
    train, held_out = (selected.films.subset(part) for part in (~selected.held_out, selected.held_out))
    if not len(train):
        raise TableError("None of the films to train on can be read; the warnings above say why.")
    return Workshop(
        work=request.work_directory,
        train=FilmSet(selected.source, train, hw, Augmentation(config.augmentation), cache),
        held_out=FilmSet(selected.source, held_out, hw, None, cache),
        to_mine=tuple(np.flatnonzero(selected.to_mine[~selected.held_out]).tolist()),
        machine=_machine(request),
        workers=0 if cache is not None else data.workers,
        seed=config.seed,
        observer=observer,
    )


def _machine(request: TrainRequest) -> Machine:
    engine = resolve_engine(EngineConfig(device=request.device, precision=request.config.precision))
    local = os.environ.get("LOCAL_RANK")
    shared = engine.device == "cuda" and process_count() > 1 and local is not None
    return Machine(torch.device(f"cuda:{local}" if shared else engine.device), engine.precision)


def _claim(request: TrainRequest, selected: TrainingFilms) -> None:
    """Note in the work directory which training it belongs to.

    Raises:
        SettingsError: it belongs to another.
    """
    fingerprint = request.config.fingerprint(selected.films.digest() + str(request.base or ""))
    note = request.work_directory / RUN_FILE
    if process_rank() == 0 and not note.exists():
        request.work_directory.mkdir(parents=True, exist_ok=True)
        content = {"fingerprint": fingerprint, "settings": request.config.model_dump(mode="json")}
        note.write_text(json.dumps(content, indent=1), encoding="utf-8")
    if process_rank() == 0 and json.loads(note.read_text(encoding="utf-8"))["fingerprint"] != fingerprint:
        raise SettingsError(
            f"{request.work_directory} holds another training (other films or settings). "
            "Give another directory with --work, or remove it."
        )


def _save(request: TrainRequest, model: IAM, found: Validation, workshop: Workshop, selected: TrainingFilms) -> str:
    """Choose operating points on the held-out films, write the bundle, return its digest."""
    config, held_out = request.config, workshop.held_out.films
    parts = workshop.train.films, held_out
    digests = selected.table_digest, selected.films.digest()
    spec = BundleSpec(
        name=config.name,
        network=model.spec,
        mining=config.mining,
        boxes=config.boxes,
        weights=config.stored_weights,
        findings={name: FindingSpec(thresholds=config.thresholds) for name in config.network.findings},
        provenance=provenance(config, request.selection, digests, parts, workshop.machine),
    )
    if len(held_out):
        gates = choose_gates(config.network.findings, found.probabilities, found.positive, search=config.gates)
        spec = with_gates(spec, gates, _gate_source(config, len(held_out)))
    aucs = found.auc_estimates(held_out.patients)
    card = with_localization(model_card(spec, aucs, workshop.history), spec)
    digest = save_bundle(request.out, model.cpu(), spec, card)
    write_figures(workshop.history, request.out)
    return digest


def _gate_source(config: TrainConfig, films: int) -> str:
    search = config.gates
    return (
        f"{search.criterion} optimum on {films} films of held-out patients, shrunk towards the mean over findings; "
        f"below {search.minimum_positives} films with the finding that mean itself"
    )


@contextmanager
def _processes(device: str) -> Iterator[None]:
    """Join the other processes that ``torchrun`` started, where it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    distributed.init_process_group("gloo" if device == "cpu" or not torch.cuda.is_available() else "nccl")
    try:
        yield
    finally:
        distributed.destroy_process_group()


@contextmanager
def _first_process_first() -> Iterator[None]:
    """Let the first process do what the others then find done."""
    if process_rank() != 0:
        distributed.barrier()
    yield
    if process_rank() == 0 and process_count() > 1:
        distributed.barrier()
