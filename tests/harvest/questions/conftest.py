"""A lake written by hand: five films of two patients, two models, every number known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from harvest.annotated import write_annotated
from harvest.annotations import AnnotatedBox
from harvest.lake import SCHEMAS, Lake, writing
from harvest.publish import publish
from harvest.side_tables import SIDE_TABLES, write_side_part
from models.findings import FINDINGS

Row = dict[str, Any]
Box = tuple[float, float, float, float]
Seen = dict[str, dict[str, tuple[float, tuple[Box, ...]]]]

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
PECULIAR: dict[str, Row] = {
    "a1": {"header_verdict": "chest", "pixel_verdict": "chest", "pixel_probability": 0.99, "pixel_key": "P",
           "flags": ["private_tags"]},
    "a2": {"header_verdict": "chest", "pixel_verdict": "chest", "pixel_probability": 0.9, "pixel_key": "Q"},
    "a3": {"header_verdict": "chest", "pixel_verdict": "turned", "pixel_probability": 0.8, "pixel_key": "P",
           "flags": ["private_tags", "orientation_suspect"]},
    "bad": {"header_verdict": "wrong_view", "flags": []},
}  # fmt: skip
"""What header and pixels say of them."""
SEEN: Seen = {
    "a1": {"Effusion": (0.9, ((100, 600, 300, 800),)), "Mass": (0.2, ())},
    "a2": {"Effusion": (0.4, ())},
    "a3": {"Effusion": (0.8, ((100, 600, 400, 800), (100, 650, 300, 800))), "Nodule": (0.6, ((700, 200, 750, 250),))},
    "b1": {"Cardiomegaly": (0.7, ((480, 500, 520, 800),))},
}
"""Probability and boxes of the current model; every other finding has 0.01. A finding with boxes is gated at 0.5."""
LABELS: dict[str, set[str]] = {"a1": {"Effusion", "Mass"}, "a2": {"Effusion"}, "a3": set()}
EARLIER = {"a1": {"Effusion": (0.5, ((100, 600, 200, 800),))}, "old": {"Mass": (0.3, ())}}


def _keys(film: str, fingerprint: str, night: int = 0) -> Row:
    return {
        "run_id": f"run-{fingerprint[0]}-{night}",
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
    instance = {"state": "localized" if gated else "no_finding"} | size | FILMS[film] | PECULIAR.get(film, {})
    rejected = instance["state"] == "rejected"
    return {
        "instances": [instance],
        "predictions": [] if rejected else _predictions(film, seen),
        "boxes": _boxes(film, seen),
        "rejections": [{**instance, "message": "No frontal view."}] if rejected else [],
        "crosswalk": [{}],
        "attention": [],
    }


def commit_films(lake: Lake, fingerprint: str, films: Seen, night: int = 0) -> None:
    """Commit what a run of a night saw as one shard, and write its record."""
    rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
    for film, seen in films.items():
        for table, found in _film(film, seen).items():
            rows[table] += [_keys(film, fingerprint, night) | row for row in found]
    tables = {name: pa.Table.from_pylist(rows[name], schema=SCHEMAS[name]) for name in SCHEMAS}
    lake.commit_shard(fingerprint, f"{night:08d}", tables)
    states = [row["state"] for row in rows["instances"]]
    common = _keys("", fingerprint, night)
    day = f"2026-01-{int(fingerprint[0]) + night + 1:02d}"
    record = {
        **{name: common[name] for name in ("run_id", "model_digest", "config_fingerprint")},
        **{state: states.count(state) for state in ("localized", "no_finding", "rejected")},
        "status": "complete",
        "archive": "ward",
        "bundle": f"model-{fingerprint[0]}",
        "engine": "cpu-fp32",
        "started_at": f"{day}T00:00:00+00:00",
        "finished_at": f"{day}T01:00:00+00:00",
        "objects": len(films),
        "instances": len(states),
        "boxes": len(rows["boxes"]),
        "version": "0",
        "config": {},
    }
    (lake.runs / f"{record['run_id']}.json").write_text(json.dumps(record))


@pytest.fixture(scope="session")
def commit() -> Callable[..., None]:
    """:func:`commit_films`."""
    return commit_films


@pytest.fixture(scope="session")
def known_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake's directory."""
    root = tmp_path_factory.mktemp("known") / "lake"
    with writing(root) as lake:
        commit_films(lake, OLD, EARLIER)
        commit_films(lake, NEW, {**SEEN, "bad": {}})
        drawn = [AnnotatedBox("a1", "Effusion", 100, 600, 300, 700), AnnotatedBox("a2", "Effusion", 0, 0, 10, 10)]
        write_annotated(lake, "drawn", [(box.stem, box) for box in drawn])
        moved = {"config_fingerprint": NEW, "finding": "Effusion", "shift_y": 0, "gated": True, "probability": 0.9}
        shifts = [("a1", 4, 0.8, 0.7), ("a1", -4, 0.8, 0.9), ("a3", 4, 0.4, None)]
        rows = [
            moved | {"instance_key": film, "shift_x": x, "shifted_probability": p, "shifted_gated": p > 0.5, "iou": iou}
            for film, x, p, iou in shifts
        ]
        schema = SIDE_TABLES["box_stability"]
        write_side_part(lake, "box_stability", NEW, pa.Table.from_pylist(rows, schema=schema))
        publish(root)
    return root
