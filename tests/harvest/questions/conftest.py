"""A lake written by hand: five films of two patients, two models, every number known."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from harvest.lake import SCHEMAS, Lake, writing
from harvest.store import publish
from models.findings import FINDINGS

Row = dict[str, Any]
Box = tuple[float, float, float, float]

OLD, NEW = "0" * 16, "1" * 16
"""Fingerprints: of the earlier run with one model, of the current one with another."""
SPACING = 0.4

FILMS: dict[str, Row] = {
    "a1": {"patient_key": "A", "study_key": "S1", "view_position": "PA", "sex": "F", "age_years": 35.0,
           "manufacturer": "Acme", "manufacturer_model_name": "M1", "study_year": 2019, "study_month": 3,
           "days_since_first_study": 0, "pixel_spacing_row_mm": SPACING, "pixel_spacing_column_mm": SPACING},
    "a2": {"patient_key": "A", "study_key": "S1", "view_position": "AP", "sex": "F", "age_years": 35.0,
           "manufacturer": "Acme", "manufacturer_model_name": "M1", "study_year": 2019, "study_month": 3,
           "days_since_first_study": 0, "pixel_spacing_row_mm": SPACING, "pixel_spacing_column_mm": SPACING},
    "a3": {"patient_key": "A", "study_key": "S2", "view_position": "PA", "sex": "F", "age_years": 36.0,
           "manufacturer": "Bora", "manufacturer_model_name": "X", "study_year": 2019, "study_month": 4,
           "days_since_first_study": 30, "pixel_spacing_row_mm": SPACING, "pixel_spacing_column_mm": SPACING},
    "b1": {"patient_key": "B", "sex": "M", "age_years": 72.0, "study_year": 2020, "study_month": 1},
    "bad": {"manufacturer": "Acme", "modality": "CR", "state": "rejected", "reason_code": "wrong_view",
            "stage": "gate"},
    "old": {"patient_key": "C"},
}  # fmt: skip
"""Columns of instances beside the usual ones; a film is 1000 x 1000 pixels."""
SEEN: dict[str, dict[str, tuple[float, tuple[Box, ...]]]] = {
    "a1": {"Effusion": (0.9, ((100, 600, 300, 800),)), "Mass": (0.2, ())},
    "a2": {"Effusion": (0.4, ())},
    "a3": {"Effusion": (0.8, ((100, 600, 400, 800), (100, 650, 300, 800))), "Nodule": (0.6, ((700, 200, 750, 250),))},
    "b1": {"Cardiomegaly": (0.7, ((480, 500, 520, 800),))},
}
"""Probability and boxes of the current model; every other finding has 0.01. A finding with boxes is gated at 0.5."""
LABELS: dict[str, set[str]] = {"a1": {"Effusion", "Mass"}, "a2": {"Effusion"}, "a3": set()}
EARLIER = {"a1": {"Effusion": (0.5, ((100, 600, 200, 800),))}, "old": {"Mass": (0.3, ())}}


def _keys(film: str, fingerprint: str) -> Row:
    return {
        "run_id": f"run-{fingerprint[0]}",
        "instance_key": film,
        "model_digest": fingerprint * 4,
        "config_fingerprint": fingerprint,
        "object_key": film,
        "source_uri": f"ward/{film}.dcm",
        "archive": "ward",
        "path": f"{film}.dcm",
        "size": 1,
        "mtime_ns": 1,
        "frame": 1,
    }


def _predictions(film: str, seen: dict[str, tuple[float, tuple[Box, ...]]]) -> list[Row]:
    return [
        {
            "finding": finding,
            "probability": probability,
            "gate": 0.5,
            "labeled": finding in LABELS[film] if film in LABELS else None,
            "gated": bool(boxes),
            "n_boxes": len(boxes),
            "iteration_peaks": [1.0, 0.5, 0.25],
        }
        for finding in FINDINGS
        for probability, boxes in [seen.get(finding, (0.01, ()))]
    ]


def _boxes(film: str, seen: dict[str, tuple[float, tuple[Box, ...]]]) -> list[Row]:
    spacing = FILMS[film].get("pixel_spacing_row_mm")
    return [
        dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True))
        | {"finding": finding, "rank": rank, "mean_attention": 0.5, "probability": probability, "threshold": 0.5}
        | ({"width_mm": (box[2] - box[0]) * spacing, "height_mm": (box[3] - box[1]) * spacing} if spacing else {})
        for finding, (probability, boxes) in seen.items()
        for rank, box in enumerate(boxes, start=1)
    ]


def _film(film: str, seen: dict[str, tuple[float, tuple[Box, ...]]]) -> dict[str, list[Row]]:
    gated = any(boxes for _, boxes in seen.values())
    size = {"rows": 1000, "columns": 1000, "modality": "DX", "vanished": False}
    instance = {"state": "localized" if gated else "no_finding"} | size | FILMS[film]
    rejected = instance["state"] == "rejected"
    return {
        "instances": [instance],
        "predictions": [] if rejected else _predictions(film, seen),
        "boxes": _boxes(film, seen),
        "rejections": [{**instance, "message": "No frontal view."}] if rejected else [],
        "crosswalk": [{}],
        "attention": [],
    }


def _commit(lake: Lake, fingerprint: str, films: dict[str, dict[str, tuple[float, tuple[Box, ...]]]]) -> None:
    rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
    for film, seen in films.items():
        for table, found in _film(film, seen).items():
            rows[table] += [_keys(film, fingerprint) | row for row in found]
    lake.commit_shard(
        fingerprint, "00000000", {name: pa.Table.from_pylist(rows[name], schema=SCHEMAS[name]) for name in SCHEMAS}
    )
    states = [row["state"] for row in rows["instances"]]
    record = {
        **{name: value for name, value in _keys("", fingerprint).items() if name in {"run_id", "model_digest"}},
        **{state: states.count(state) for state in ("localized", "no_finding", "rejected")},
        "config_fingerprint": fingerprint,
        "status": "complete",
        "archive": "ward",
        "bundle": f"model-{fingerprint[0]}",
        "engine": "cpu-fp32",
        "started_at": f"2026-01-0{int(fingerprint[0]) + 1}T00:00:00+00:00",
        "finished_at": f"2026-01-0{int(fingerprint[0]) + 1}T01:00:00+00:00",
        "objects": len(films),
        "instances": len(states),
        "boxes": len(rows["boxes"]),
        "version": "0",
        "config": {},
    }
    (lake.runs / f"{record['run_id']}.json").write_text(json.dumps(record))


@pytest.fixture(scope="session")
def known_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake's directory."""
    root = tmp_path_factory.mktemp("known") / "lake"
    with writing(root) as lake:
        _commit(lake, OLD, EARLIER)
        _commit(lake, NEW, {**SEEN, "bad": {}})
        publish(root)
    return root
