"""One shard's tables under other settings: gates, states and boxes made again from what is stored; no file is touched.

Tables stay columns from end to end: a lake has millions of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harvest.box_rules import BoxRules
from harvest.components import BoolArray, IntArray
from harvest.config import HarvestConfig
from harvest.keys import RunKeys
from harvest.lake import SCHEMAS
from harvest.localization import UNKNOWN, gate_findings
from harvest.stored_maps import read_map_stack
from models.spec import BundleSpec

Tables = dict[str, pa.Table]


@dataclass(frozen=True)
class Recipe:
    """Old fingerprint and new names, and the rules by which rows are made again.

    Attributes:
        bundle: the model's own settings.
        spec: the same with the overrides.
    """

    fingerprint: str
    keys: RunKeys
    bundle: BundleSpec
    config: HarvestConfig
    spec: BundleSpec

    def gates(self, predictions: pa.Table) -> npt.NDArray[np.float64]:
        """Return the operating point of each prediction's finding."""
        findings = predictions["finding"].combine_chunks().dictionary_encode()
        gates = np.array([self.spec.findings[name].gate for name in findings.dictionary.to_pylist()])
        of: IntArray = findings.indices.to_numpy()
        return gates[of]

    def gated(self, predictions: pa.Table) -> BoolArray:
        """Return which predictions are boxed."""
        labels = predictions["labeled"].cast(pa.int8()).fill_null(UNKNOWN).to_numpy()
        probabilities = predictions["probability"].to_numpy()
        return gate_findings(probabilities, self.gates(predictions), labels, self.config.gate.mode)


def find_rows(rows: pa.Table, among: pa.Table) -> IntArray:
    """Return for each row the place of that of the same film and finding among others, -1 where there is none."""
    mine, theirs = (pc.binary_join_element_wise(one["instance_key"], one["finding"], "/") for one in (rows, among))
    places: IntArray = pc.index_in(mine, value_set=theirs).fill_null(-1).to_numpy()
    return places


def rebox_tables(tables: Tables, recipe: Recipe) -> Tables:
    """Return all tables of a shard as a run with the recipe's names and rules would have made them."""
    names = {"run_id": recipe.keys.run_id, "config_fingerprint": recipe.keys.config_fingerprint}
    new = {
        name: _with(table, {column: pa.repeat(value, len(table)) for column, value in names.items()})
        for name, table in tables.items()
    }
    attention, predictions, instances = new["attention"], new["predictions"], new["instances"]
    gated = recipe.gated(predictions)
    of = find_rows(attention, predictions)
    to_cut = np.flatnonzero((of >= 0) & gated[of])
    boxes, cut_from = _cut(attention.take(to_cut), predictions.take(of[to_cut]), instances, recipe)
    counts = np.bincount(of[to_cut][cut_from], minlength=len(predictions))
    predictions = _with(predictions, {"gate": recipe.gates(predictions), "gated": gated, "n_boxes": counts})
    instances = _with(instances, {"state": _states(instances, predictions.filter(pa.array(gated)))})
    return new | {"boxes": boxes, "predictions": predictions, "instances": instances}


def _cut(attention: pa.Table, predictions: pa.Table, instances: pa.Table, recipe: Recipe) -> tuple[pa.Table, IntArray]:
    """Cut the boxes of maps, each with its prediction; returns them, and which map each is of."""
    if not len(attention):
        return SCHEMAS["boxes"].empty_table(), np.empty(0, np.int64)
    films = instances.take(pc.index_in(attention["instance_key"], value_set=instances["instance_key"]))
    films_hw = list(zip(films["rows"].to_pylist(), films["columns"].to_pylist(), strict=True))
    stack = read_map_stack(attention, films_hw, recipe.spec.network.input_hw)
    cut = BoxRules.of(recipe.spec).cut_stack(stack)
    films, of = films.take(cut["of"]), predictions.take(cut["of"])
    x_min, y_min, x_max, y_max = cut["box"].T
    columns = {
        "finding": of["finding"],
        "probability": of["probability"],
        **{name: cut[name] for name in ("rank", "mean_attention", "threshold")},
        **{"x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max},
        "width_mm": pc.multiply(pa.array(x_max - x_min), films["pixel_spacing_column_mm"]),
        "height_mm": pc.multiply(pa.array(y_max - y_min), films["pixel_spacing_row_mm"]),
    }
    columns |= {name: films[name] for name in SCHEMAS["boxes"].names if name in films.schema.names}
    return pa.table({name: columns[name] for name in SCHEMAS["boxes"].names}, SCHEMAS["boxes"]), cut["of"]


def _states(instances: pa.Table, gated: pa.Table) -> pa.ChunkedArray:
    boxed = pc.is_in(instances["instance_key"], value_set=gated["instance_key"])
    state = pc.if_else(boxed, "localized", "no_finding")
    return pc.if_else(pc.equal(instances["state"], "rejected"), instances["state"], state)


def _with(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    """Return a table with other values in some of its columns."""
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, field.type)
        table = table.set_column(place, field, column)
    return table
