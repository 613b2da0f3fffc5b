"""From films and predictions to rows of the lake's tables."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from harvest.attention import StoredMaps
from harvest.batches import Film
from harvest.boxes import CutBox
from harvest.identity import public_fields
from harvest.keys import RunKeys
from harvest.localization import FindingResult
from harvest.records import CROSSWALK, PUBLIC_TABLES

Row = dict[str, Any]


@dataclass
class ShardRows:
    """Rows of one shard, by table; grows film by film, then becomes Arrow tables."""

    keys: RunKeys
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in (*PUBLIC_TABLES, "crosswalk")})
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    _seen: set[tuple[str | None, int]] = field(default_factory=set)

    def add_rejected(self, film: Film) -> None:
        """Record a film that has no prediction, and why."""
        assert film.rejection is not None
        rejection = film.rejection
        why = {"reason_code": str(rejection.reason), "stage": str(rejection.stage)}
        self._add_instance(film, {"state": "rejected", **why})
        self._add("rejections", film, {"frame": film.frame, **why, "message": rejection.message})
        self.reasons[str(rejection.reason)] += 1

    def add_predicted(self, film: Film, results: list[FindingResult]) -> None:
        """Record a film's findings, maps and boxes."""
        gated = any(result.gated for result in results)
        self._add_instance(film, {"state": "localized" if gated else "no_finding"})
        for result in results:
            self._add("predictions", film, _prediction(result))
            if result.stored is not None:
                self._add("attention", film, _attention(film, result.finding, result.stored))
            for rank, box in enumerate(result.boxes, start=1):
                row = {"finding": result.finding, "rank": rank, "probability": result.probability}
                self._add("boxes", film, row | box_columns(box, film.header.pixel_spacing or (None, None)))

    def is_duplicate(self, film: Film) -> bool:
        """Tell whether this shard already holds the film's instance, and remember it."""
        uid = film.header.sop_instance_uid
        known = (uid, film.frame) in self._seen
        self._seen.add((uid, film.frame))
        return known and uid is not None

    def tables(self) -> dict[str, pa.Table]:
        """Return every table of the shard, also the empty ones."""
        schemas = PUBLIC_TABLES | {"crosswalk": CROSSWALK}
        return {
            name: pa.Table.from_pylist(
                [{column: row.get(column) for column in schema.names} for row in self.rows[name]], schema=schema
            )
            for name, schema in schemas.items()
        }

    def _add(self, table: str, film: Film, columns: Row) -> None:
        path = film.source.path
        uid = film.header.sop_instance_uid if film.rejection is None else None
        keys = self.keys.columns(path, uid, film.frame)
        self.rows[table].append(keys | {"source_uri": self.keys.source_uri(path)} | columns)

    def _add_instance(self, film: Film, state: Row) -> None:
        self.states[state["state"]] += 1
        common = {"object_key": self.keys.object_key(film.source.path), "frame": film.frame}
        public = public_fields(film.header, self.keys.identifiers, self.keys.site_key)
        seen = _geometry(film) | self._pixels(film) | {"vanished": False}
        self._add("instances", film, common | state | seen | public)
        self._add("crosswalk", film, common | _origin(film, self.keys.archive))

    def _pixels(self, film: Film) -> Row:
        """Return what was found of the film's content; the digest is keyed, since an open one could be looked up."""
        digest, flags = film.pixel_digest, dict(film.recipe).get("flags")
        return {
            "header_verdict": film.verdicts.header,
            "pixel_verdict": film.verdicts.pixels,
            "pixel_probability": film.verdicts.probability,
            "pixel_key": digest and self.keys.site_key.pseudonym("pixels", digest),
            "flags": [*film.header.oddities, *(flags if isinstance(flags, list) else [])],
        }


def _geometry(film: Film) -> Row:
    spacing = film.header.pixel_spacing or (None, None)
    return {
        "rows": film.placement.rows if film.placement else None,
        "columns": film.placement.columns if film.placement else None,
        "pixel_spacing_row_mm": spacing[0],
        "pixel_spacing_column_mm": spacing[1],
        "spacing_source": film.header.spacing_source,
        "decode_recipe": json.dumps(dict(film.recipe), sort_keys=True) if film.recipe else None,
    }


def _origin(film: Film, archive: str) -> Row:
    header = film.header
    return {
        "archive": archive,
        "path": film.source.path,
        "size": film.source.size,
        "mtime_ns": film.source.mtime_ns,
        "labels": film.source.labels,
        "patient_id": header.patient_id,
        "sop_instance_uid": header.sop_instance_uid,
        "study_instance_uid": header.study_instance_uid,
        "series_instance_uid": header.series_instance_uid,
        "study_date": header.study_date,
    }


def _prediction(result: FindingResult) -> Row:
    return {
        "finding": result.finding,
        "probability": result.probability,
        "gate": result.gate,
        "labeled": result.labeled,
        "gated": result.gated,
        "n_boxes": len(result.boxes),
        "iteration_peaks": list(result.peaks),
    }


def _attention(film: Film, finding: str, stored: StoredMaps) -> Row:
    assert film.placement is not None
    iterations, height, width = stored.maps.shape
    return {
        "finding": finding,
        "iterations": iterations,
        "map_rows": height,
        "map_columns": width,
        "maps": stored.maps.tobytes(),
        "scale": stored.scale.tolist(),
        "offset": stored.offset.tolist(),
        "keep": stored.keep_bytes(),
        "asymmetry": None if stored.asymmetry is None else stored.asymmetry.tobytes(),
        "orientation": film.placement.orientation,
        "pixel_aspect": film.placement.pixel_aspect,
    }


def box_columns(cut: CutBox, spacing: tuple[float | None, float | None]) -> Row:
    """Return what a cut box alone decides of a row of ``boxes``; spacing is (between rows, between columns), mm."""
    x_min, y_min, x_max, y_max = cut.box
    row_mm, column_mm = spacing
    return {
        "mean_attention": cut.mean_attention,
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
        "width_mm": None if column_mm is None else (x_max - x_min) * column_mm,
        "height_mm": None if row_mm is None else (y_max - y_min) * row_mm,
        "threshold": cut.threshold,
    }
