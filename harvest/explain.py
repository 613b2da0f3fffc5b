"""Where a box comes from: the film, how it was decoded, the maps, the rules that cut them, the model, the code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from harvest.attention import dequantise_maps
from harvest.box_rules import BoxRules
from harvest.boxes import CutBox, Float32Map
from harvest.errors import LakeError, QuestionError
from harvest.films_of_lake import FilmsOfLake
from harvest.lake import open_lake
from harvest.maps_of_lake import FilmAttention, iter_film_attention, spec_of_run
from harvest.records import UInt8Image
from harvest.run_record import RunRecord, latest_complete_run
from harvest.store import query

PANEL = 320
"""Height of a panel of the picture, pixels."""
_ONE = """SELECT * FROM {table} WHERE instance_key = $key {more}"""


@dataclass(frozen=True)
class Explanation:
    """What is known of one box.

    Attributes:
        facts: values by heading and name, as they are printed.
        box: x_min, y_min, x_max, y_max in pixels of the stored image.
        attention: the maps from which it was cut.
        record: of the run.
    """

    facts: dict[str, dict[str, Any]]
    box: tuple[float, float, float, float]
    attention: FilmAttention
    record: RunRecord


def explain_box(root: Path, reference: str) -> Explanation:
    """Trace a box of a lake's current settings.

    Args:
        root: directory of the lake.
        reference: ``INSTANCE_KEY/FINDING/RANK``; the first box without rank.

    Raises:
        QuestionError: the reference is malformed, or there is no such box.
        LakeError: there is no lake, or its maps are missing.
    """
    key, finding, rank = _parse(reference)
    lake = open_lake(root)
    record = latest_complete_run(lake)
    found = {"key": key, "finding": finding, "rank": rank}
    box = _row(root, "current_boxes", "AND finding = $finding AND rank = $rank", found)
    film = _row(root, "current_instances", "", {"key": key})
    prediction = _row(root, "current_predictions", "AND finding = $finding", {"key": key, "finding": finding})
    run = json.loads((lake.runs / f"{box['run_id']}.json").read_text(encoding="utf-8"))
    attention = _attention(root, record, key, finding)
    cut = _cut_again(attention, record)
    corners = (box["x_min"], box["y_min"], box["x_max"], box["y_max"])
    facts = {
        "box": {name: box[name] for name in ("x_min", "y_min", "x_max", "y_max", "width_mm", "height_mm")}
        | {name: box[name] for name in ("rank", "mean_attention", "threshold")}
        | {"cut_again_from_the_stored_maps": "the same" if any(one.box == corners for one in cut) else "another"},
        "film": _film_facts(film),
        "finding": {name: prediction[name] for name in ("finding", "probability", "gate", "labeled", "n_boxes")},
        "maps": _map_facts(attention),
        "rules": _rule_facts(record, finding),
        "model": _model_facts(run),
        "run": {name: run[name] for name in ("run_id", "started_at", "engine", "config_fingerprint", "version")},
    }
    return Explanation(facts, corners, attention, record)


def draw_explanation(explanation: Explanation, root: Path, archive: str | None) -> Image.Image:
    """Draw film (where the archive is given or known), maps of all iterations and merged attention, each with the box.

    Raises:
        ArchiveError: the film cannot be read from the archive.
    """
    attention = explanation.attention
    panels: list[tuple[str, UInt8Image]] = []
    films = FilmsOfLake(open_lake(root), explanation.record, archive)
    if films.can_find(attention.key):
        panels.append(("film", films.read(attention.key)))
    panels += [(f"iteration {place}", _grey(one)) for place, one in enumerate(attention.iterations(), start=1)]
    panels.append(("merged", _grey(attention.heatmap())))
    drawn = [_panel(title, pixels, explanation.box) for title, pixels in panels]
    canvas = Image.new("RGB", (sum(one.width for one in drawn), drawn[0].height), "#111")
    left = 0
    for one in drawn:
        canvas.paste(one, (left, 0))
        left += one.width
    return canvas


def _parse(reference: str) -> tuple[str, str, int]:
    key, _, rest = reference.partition("/")
    finding, _, rank = rest.partition("/")
    if not (key and finding) or not (rank or "1").isdecimal():
        raise QuestionError(f"A box is named INSTANCE_KEY/FINDING/RANK, such as 0123abcd/Mass/1; {reference!r} is not.")
    return key, finding, int(rank or 1)


def _row(root: Path, table: str, more: str, parameters: dict[str, Any]) -> dict[str, Any]:
    rows = query(root, _ONE.format(table=table, more=more), parameters).to_pylist()
    if not rows:
        raise QuestionError(
            f"The lake has no such box ({'/'.join(map(str, parameters.values()))}). List boxes with: iam-harvest sql "
            f'{root} --query "SELECT instance_key, finding, rank FROM current_boxes"'
        )
    row: dict[str, Any] = rows[0]
    return row


def _attention(root: Path, record: RunRecord, key: str, finding: str) -> FilmAttention:
    for _, found in iter_film_attention(root, record, [key]):
        for one in found:
            if one.finding == finding:
                return one
    raise LakeError(f"The maps of {key} are missing from {root}; run 'iam-harvest verify'.")


def _cut_again(attention: FilmAttention, record: RunRecord) -> tuple[CutBox, ...]:
    rules = BoxRules.of(spec_of_run(record))
    (cut,) = rules.cut([(attention.finding, attention.stored)], attention.placement)
    return cut


def _film_facts(film: dict[str, Any]) -> dict[str, Any]:
    names = ("instance_key", "source_uri", "frame", "rows", "columns", "pixel_spacing_row_mm", "view_position")
    return {name: film[name] for name in names} | {"decoding": json.loads(film["decode_recipe"] or "{}")}


def _map_facts(attention: FilmAttention) -> dict[str, Any]:
    maps, keep = dequantise_maps(attention.stored)
    facts: dict[str, Any] = {
        "cells": f"{maps.shape[1]} x {maps.shape[2]}",
        "orientation": attention.placement.orientation,
    }
    for place, (one, visible) in enumerate(zip(maps, keep, strict=True), start=1):
        erased = 1 - float(np.mean(visible))
        facts[f"iteration_{place}"] = f"{one.min():.4g} to {one.max():.4g}, {erased:.1%} of the cells erased before"
    return facts


def _rule_facts(record: RunRecord, finding: str) -> dict[str, Any]:
    spec = spec_of_run(record)
    rules = {"thresholds": list(spec.findings[finding].thresholds), "gate": spec.findings[finding].gate}
    return rules | {"gate_mode": record["config"]["gate"]["mode"]} | spec.boxes.model_dump() | {
        "erase_threshold": spec.mining.erase_threshold,
        "gates_from": spec.gate_source,
        "thresholds_from": spec.threshold_source,
    }  # fmt: skip


def _model_facts(run: RunRecord) -> dict[str, Any]:
    bundle = run["bundle_spec"]
    return {
        "bundle": f"{bundle['name']} {bundle['version']}",
        "digest": run["model_digest"],
        "weights_sha256": bundle["weights_sha256"],
        "trained_with": bundle["provenance"],
    }


def _grey(picture: Float32Map) -> UInt8Image:
    return np.rint(255 * picture).astype(np.uint8)


def _panel(title: str, pixels: UInt8Image, box: tuple[float, float, float, float]) -> Image.Image:
    image = Image.fromarray(pixels)
    scale = PANEL / image.height
    panel = image.resize((max(1, round(image.width * scale)), PANEL), Image.Resampling.BILINEAR).convert("RGB")
    draw = ImageDraw.Draw(panel)
    draw.rectangle([edge * scale for edge in box], outline="#ffb000", width=2)
    draw.text((6, 4), title, fill="#ffb000", font=ImageFont.load_default(14))
    return panel
