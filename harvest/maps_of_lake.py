"""The stored attention of a lake's films, merged as in the run that stored it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from harvest.attention import StoredMaps, dequantise_maps
from harvest.box_rules import BoxRules
from harvest.boxes import Float32Map
from harvest.config import HarvestConfig, apply_overrides
from harvest.geometry import Placement
from harvest.lake import SCHEMAS, Lake
from harvest.run_record import RunRecord
from harvest.stored_maps import COLUMNS, read_maps, read_placement
from models.spec import BundleSpec

_AT_ONCE = 64
"""Films whose maps are in memory together."""


@dataclass(frozen=True)
class FilmAttention:
    """The maps of one film and finding.

    Attributes:
        key: of the instance.
        merged: (h, w) H_f over the whole network input.
    """

    key: str
    finding: str
    stored: StoredMaps
    merged: Float32Map
    placement: Placement

    def heatmap(self) -> Float32Map:
        """Return H_f over the stored image, (rows, columns) in [0, 1]; zeros where it is constant."""
        return _normalised(self.placement.maps_to_image(self.merged))

    def iterations(self) -> list[Float32Map]:
        """Return H_1 .. H_T over the stored image, each (rows, columns) in [0, 1]."""
        attention, _ = dequantise_maps(self.stored)
        return [_normalised(self.placement.maps_to_image(one)) for one in attention]


def spec_of_run(record: RunRecord) -> BundleSpec:
    """Return the model's settings with those of the run laid over them."""
    config = HarvestConfig.model_validate(record["config"])
    return apply_overrides(BundleSpec.model_validate(record["bundle_spec"]), config)


def iter_film_attention(
    root: Path, record: RunRecord, keys: Collection[str]
) -> Iterator[tuple[str, list[FilmAttention]]]:
    """Yield the wanted instances that have maps, each with those of its findings, in order of name."""
    spec, lake = spec_of_run(record), Lake(root)
    ordered = sorted(keys)
    for start in range(0, len(ordered), _AT_ONCE):
        wanted = ordered[start : start + _AT_ONCE]
        sizes = {
            row["instance_key"]: (row["rows"], row["columns"])
            for row in _rows(lake, "instances", record, wanted, ("instance_key", "rows", "columns"))
        }
        found: dict[str, list[FilmAttention]] = {}
        for row in _rows(lake, "attention", record, wanted, COLUMNS):
            one = _film_attention(row, sizes[row["instance_key"]], spec)
            found.setdefault(one.key, []).append(one)
        yield from ((key, sorted(found[key], key=lambda one: one.finding)) for key in wanted if key in found)


def _rows(lake: Lake, table: str, record: RunRecord, keys: list[str], columns: Collection[str]) -> list[dict[str, Any]]:
    parts = [str(path) for path in sorted(lake.folder(table).glob(f"part-{record['config_fingerprint']}-*.parquet"))]
    wanted = ds.field("instance_key").isin(pa.array(keys, pa.string()))
    data = ds.dataset(parts, schema=SCHEMAS[table], format="parquet")
    rows: list[dict[str, Any]] = data.to_table(columns=list(columns), filter=wanted).to_pylist()
    return rows


def _film_attention(row: dict[str, Any], film_hw: tuple[int, int], spec: BundleSpec) -> FilmAttention:
    stored = read_maps(row)
    placement = read_placement(row, film_hw, spec.network.input_hw)
    (merged,) = BoxRules.of(spec).merge([(row["finding"], stored)], placement)
    return FilmAttention(row["instance_key"], row["finding"], stored, merged, placement)


def _normalised(picture: Float32Map) -> Float32Map:
    spread = picture.max() - picture.min()
    return ((picture - picture.min()) / spread if spread > 1e-9 else np.zeros_like(picture)).astype(np.float32)
