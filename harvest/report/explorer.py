"""What the threshold explorer of the report cuts from: merged attention of the gallery's films, before any threshold.

The page repeats ``harvest.boxes.cut_boxes`` on it, so that a reader sees at once what other settings would give.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harvest.box_rules import BoxRules
from harvest.boxes import Float32Map, enlarger, heatmap_window
from harvest.config import HarvestConfig, apply_overrides
from harvest.geometry import Placement
from harvest.report.answers import Row
from harvest.report.records import ShownFilm
from harvest.run_record import RunRecord
from harvest.stored_maps import read_maps, read_placement
from models.spec import BoxSpec, BundleSpec


@dataclass(frozen=True, slots=True)
class ExploredMap:
    """Stored maps of one film and finding, with what the network and the labels say of it."""

    film: ShownFilm
    row: Row
    probability: float
    labeled: bool | None


def explorer_data(record: RunRecord, maps: Iterable[ExploredMap]) -> str:
    """Return what the script reads, as JSON: the run's settings and every map; "" without maps.

    Arrays are base64 of little-endian numbers: ``rows`` and ``columns`` float64, each map float32.
    """
    config = HarvestConfig.model_validate(record["config"])
    spec = apply_overrides(BundleSpec.model_validate(record["bundle_spec"]), config)
    cases = [_case(one, spec) for one in maps]
    if not cases:
        return ""
    height, width = cases[0]["hw"]
    boxes = spec.boxes
    content = {
        "rows": _encode(enlarger(height, boxes.upsampling, boxes.smoothing).toarray().astype("<f8")),
        "columns": _encode(enlarger(width, boxes.upsampling, boxes.smoothing).toarray().astype("<f8")),
        "components": boxes.components,
        "rank_by": boxes.rank_by,
        "max_boxes": boxes.max_boxes,
        "gate_mode": config.gate.mode,
        "lowest_gate": config.storage.attention_above,
        "findings": {name: {"gate": one.gate, "thresholds": one.thresholds} for name, one in spec.findings.items()},
        "cases": cases,
    }
    return json.dumps(content).replace("<", "\\u003c")


def _case(one: ExploredMap, spec: BundleSpec) -> dict[str, Any]:
    placement = read_placement(one.row, (one.film.rows, one.film.columns), spec.network.input_hw)
    (merged,) = BoxRules.of(spec).merge([(one.row["finding"], read_maps(one.row))], placement)
    return {
        "film": one.film.number,
        "finding": one.row["finding"],
        "probability": one.probability,
        "labeled": one.labeled,
        "hw": merged.shape,
        "map": _encode(merged.astype("<f4")),
        "window": heatmap_window(merged.shape, spec.boxes.upsampling, placement),
        "to_image": _to_image(merged, spec.boxes, placement),
    }


def _to_image(merged: Float32Map, spec: BoxSpec, placement: Placement) -> list[list[float]]:
    """Return the rows (a, b, c) of the map from a cell corner (x, y) of the enlarged grid to pixels: a x + b y + c."""
    cell = np.array(placement.input_hw)[::-1] / (np.array(merged.shape)[::-1] * spec.upsampling)
    middle = placement.content_box.reshape(2, 2).mean(axis=0) / cell
    step = np.minimum(placement.content_box.reshape(2, 2)[1] / cell - middle, 1) / 4
    corners = middle + np.array([[0, 0], [1, 0], [0, 1]]) * step  # well inside, where nothing is clipped
    boxes = placement.boxes_to_image(np.hstack([corners - step / 4, corners + step / 4]) * np.tile(cell, 2))
    origin, right, down = boxes.reshape(3, 2, 2).mean(axis=1)
    along = np.stack([(right - origin) / step[0], (down - origin) / step[1]], axis=1)
    rows: list[list[float]] = np.column_stack([along, origin - along @ middle]).tolist()
    return rows


def _encode(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
