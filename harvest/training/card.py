"""What a trained bundle says of itself: provenance, figures, model card."""

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from harvest.evaluation.bootstrap import Estimate
from harvest.training.config import TrainConfig
from harvest.training.films import FilmList
from harvest.training.phases import Row
from harvest.training.tables import Selection
from models.spec import BundleSpec
from models.training import Machine

_LOCALIZATION = "## Localization"
_SHOWN_PROTOCOLS = ("iam-table2", "iam-all-boxes")
_SHOWN_TARGETS = ("0.1", "0.3", "0.5")
_PLACES = """
Before it is cut, attention is weighted by where that to the finding usually lies (power {weight:g}), learned from maps
and labels of the training films; this is not in the paper."""
_ASYMMETRY = """
Attention to opacities is raised where the film is brighter than its mirror image, and to lucencies where it is darker
(weight {weight:g}); this is not in the paper."""
_CARD = """# {name}

Boxes of chest X-ray findings, trained from image labels alone by iterative attention mining (Cai et al., MICCAI 2018,
arXiv:1807.00958). Research software, not a medical device.

## Network

{backbone}, input {rows} x {columns} pixels, T = {iterations}, {shared} of 5 backbone stages shared, {pooling} pooling,
initial weights: {init}.

## Data

{train} films of {patients} patients trained on, {held_out} films of {held_out_patients} other patients held out for
validation. Label table `{table}` (SHA-256 {digest}{split}).

{notes}## Validation on the held-out patients

AUC of N_1, 95 % interval over patients; the gate is the probability from which a finding counts as present
({gate_source}).

| finding | films trained on | held out | AUC | gate |
|---|---|---|---|---|
{rows_of_findings}

## Epochs

| phase | epoch | loss | lambda L_KP / L_cls | validation loss | mean AUC | films/s |
|---|---|---|---|---|---|---|
{rows_of_epochs}

Trained {date} with iam-harvest {version}, torch {torch}, on {machine}. All settings stand in
`bundle.json` under `provenance`.
"""


def provenance(
    config: TrainConfig,
    selection: Selection,
    digests: tuple[str, str],
    parts: tuple[FilmList, FilmList],
    machine: Machine,
) -> dict[str, Any]:
    """Return where a bundle comes from, as JSON content.

    Args:
        config: all settings.
        selection: of the films.
        digests: of the label table, and of films, labels and patients.
        parts: films trained on, and held out.
        machine: that trained.
    """
    findings = config.network.findings
    return {
        "label_table": selection.labels.name,
        "label_table_sha256": digests[0],
        "films_sha256": digests[1],
        "split_column": selection.split_column,
        "splits": list(selection.splits),
        "train_films": len(parts[0]),
        "train_patients": len(set(parts[0].patients)),
        "held_out_films": len(parts[1]),
        "held_out_patients": len(set(parts[1].patients)),
        "positives": dict(zip(findings, parts[0].labels.sum(axis=0).tolist(), strict=True)),
        "held_out_positives": dict(zip(findings, parts[1].labels.sum(axis=0).tolist(), strict=True)),
        "settings": config.model_dump(mode="json"),
        "code_version": importlib.metadata.version("iam-harvest"),
        "torch": torch.__version__,
        "machine": f"{machine.device.type} ({platform.machine()}), {machine.precision}",
        "date": datetime.now(UTC).date().isoformat(),
    }


def model_card(spec: BundleSpec, aucs: Sequence[Estimate], rows: Sequence[Row]) -> str:
    """Return the model card of a trained bundle (Markdown).

    Args:
        spec: with its provenance filled in.
        aucs: C, of N_1 on the held-out films.
        rows: figures of all epochs.
    """
    origin, network = spec.provenance, spec.network
    notes = origin["settings"]["notes"].strip()
    return _CARD.format(
        name=spec.name,
        backbone=network.backbone,
        rows=network.input_hw[0],
        columns=network.input_hw[1],
        iterations=network.iterations,
        shared=network.shared_stages,
        pooling=network.pooling,
        init=origin["settings"]["init"],
        train=origin["train_films"],
        patients=origin["train_patients"],
        held_out=origin["held_out_films"],
        held_out_patients=origin["held_out_patients"],
        table=origin["label_table"],
        digest=origin["label_table_sha256"][:16],
        split=f"; {origin['split_column']} = {', '.join(origin['splits'])}" if origin["splits"] else "",
        notes=f"{notes}\n\n" if notes else "",
        gate_source=spec.gate_source,
        rows_of_findings="\n".join(
            _finding_row(spec, name, auc) for name, auc in zip(spec.findings, aucs, strict=True)
        ),
        rows_of_epochs="\n".join(_epoch_row(row) for row in rows),
        date=origin["date"],
        version=origin["code_version"],
        torch=origin["torch"],
        machine=origin["machine"],
    )


def with_localization(card: str, spec: BundleSpec, figures: Mapping[str, Any] | None = None, films: str = "") -> str:
    """Return the card with its last section written anew: where thresholds come from, and what the boxes reach.

    Args:
        card: of :func:`model_card`, with or without that section.
        spec: as it is stored.
        figures: content of ``metrics.json``; None: localization was not measured.
        films: on which it was measured, in words.
    """
    before = card.partition(_LOCALIZATION)[0].rstrip()
    intro = f"Box thresholds: {spec.threshold_source}."
    if spec.boxes.place_weight:
        intro += _PLACES.format(weight=spec.boxes.place_weight)
    if spec.boxes.asymmetry_weight:
        intro += _ASYMMETRY.format(weight=spec.boxes.asymmetry_weight)
    if figures is None:
        said = f"{intro}\nLocalization was not measured: run `iam-harvest evaluate`."
        return f"{before}\n\n{_LOCALIZATION}\n\n{said}\n"
    heads = [f"{protocol} T = {target}" for protocol in _SHOWN_PROTOCOLS for target in _SHOWN_TARGETS]
    lines = ["| finding | boxes | " + " | ".join(heads) + " |", "|---|---|" + "---|" * len(heads)]
    lines += [_localization_row(figures, name) for name in (*figures["findings"], "mean")]
    where = f"Acc at T(IoU), the mean with its 95 % interval over patients, on {films}."
    return f"{before}\n\n{_LOCALIZATION}\n\n{intro}\n{where}\n\n" + "\n".join(lines) + "\n"


def _localization_row(figures: Mapping[str, Any], name: str) -> str:
    boxes = figures["annotated_boxes"] if name == "mean" else figures["findings"][name]["annotated_boxes"]
    cells = []
    for protocol in _SHOWN_PROTOCOLS:
        for target in _SHOWN_TARGETS:
            one = figures["protocols"][protocol]["IoU"][target][name]
            interval = f" ({one['low']:.3f} to {one['high']:.3f})" if name == "mean" else ""
            cells.append(f"{one['accuracy']:.3f}{interval}")
    return f"| {name} | {boxes} | " + " | ".join(cells) + " |"


def _finding_row(spec: BundleSpec, name: str, auc: Estimate) -> str:
    origin = spec.provenance
    known = auc.value is not None and not np.isnan(auc.value)
    area = f"{auc.value:.2f}" if known else "-"
    interval = f" ({auc.low:.2f} to {auc.high:.2f})" if known and auc.low is not None and auc.high is not None else ""
    counts = f"{origin['positives'][name]} | {origin['held_out_positives'][name]}"
    return f"| {name} | {counts} | {area}{interval} | {spec.findings[name].gate:.2f} |"


def _epoch_row(row: Row) -> str:
    figures = (row["loss"], row["knowledge_ratio"], row["validation_loss"], row["validation_auc"])
    cells = " | ".join("-" if figure is None else f"{figure:.3f}" for figure in figures)
    return f"| {row['phase']} | {row['epoch']} | {cells} | {row['films_per_second']:.1f} |"
