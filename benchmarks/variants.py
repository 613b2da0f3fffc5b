"""Variants of one method on the same annotated films: cut from stored maps, thresholds chosen on other films.

Used by the ablations. Variants that differ in the merge, in T or in cutting share one harvest of a bundle.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harvest.box_rules import BoxRules
from harvest.boxes import cut_boxes
from harvest.config import EngineConfig
from harvest.evaluate import plan_evaluation
from harvest.evaluation.bootstrap import Estimate, Scores, paired_difference, resample_patients, score
from harvest.evaluation.cases import build_cases, patients_of
from harvest.evaluation.of_lake import EvaluationRequest, Scope, read_scope
from harvest.evaluation.protocols import Rule
from harvest.evaluation.records import EvaluationSet, HarvestedBox
from harvest.evaluation.recut import FilmMap, StoredFilm, iter_stored_films
from harvest.lake import writing
from harvest.pipeline import harvest_shard
from harvest.thresholds import MapCase, ThresholdChoice, ThresholdSearch, choose_thresholds
from models.bundle_files import read_bundle_spec
from models.spec import BoxSpec, Merge

TARGETS = (0.1, 0.3, 0.5)
RULES = tuple(Rule(protocol, "IoU", target) for protocol in ("iam-all-boxes", "iam-table2") for target in TARGETS)


@dataclass(frozen=True)
class Variant:
    """One row: a bundle, how many of its iterations, how they are merged, other settings of cutting.

    ``against`` names the row, an earlier one, that it is compared with; "": the first.
    """

    name: str
    bundle: Path
    iterations: int
    merge: Merge = "normalised"
    boxes: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""


class Films:
    """Annotated films and the maps that bundles make of them, kept in ``work`` so that nothing is harvested twice."""

    def __init__(self, name: str, request: EvaluationRequest, work: Path) -> None:
        self.name, self.request, self.work = name, request, work
        self._stored: dict[Path, tuple[Scope, list[StoredFilm]]] = {}

    def scope(self, bundle: Path) -> Scope:
        """Return films and annotated boxes."""
        return self._read(bundle)[0]

    def maps(self, variant: Variant, rules: BoxRules) -> list[FilmMap]:
        """Return the merged attention of every annotated (film, finding)."""
        return [one.merge(rules, variant.iterations) for one in self.stored(variant.bundle)]

    def stored(self, bundle: Path) -> list[StoredFilm]:
        """Return the maps of every annotated (film, finding), not yet merged."""
        return self._read(bundle)[1]

    def _read(self, bundle: Path) -> tuple[Scope, list[StoredFilm]]:
        if bundle not in self._stored:
            lake = self._harvest(bundle)
            scope = read_scope(lake, self.request)
            pairs = {(box.stem, box.finding) for box in scope.annotated}
            input_hw = read_bundle_spec(str(bundle))[0].network.input_hw
            self._stored[bundle] = scope, list(iter_stored_films(lake, scope.films, pairs, input_hw))
        return self._stored[bundle]

    def _harvest(self, bundle: Path) -> Path:
        digest = read_bundle_spec(str(bundle))[1]
        root = self.work / "lakes" / f"{self.name}-{digest[:16]}"
        done = root / "done"
        if not done.exists():
            with writing(root / "lake") as lake:
                harvest = plan_evaluation(str(bundle), self.request, lake, EngineConfig())
                for shard in harvest.shards:
                    harvest_shard(shard, harvest.context)
            done.touch()
        return root / "lake"


@dataclass(frozen=True)
class Comparison:
    """Variants scored on one set of films, each beside the one it is compared with."""

    tune: Films
    scored: Films
    search: ThresholdSearch = field(default_factory=ThresholdSearch)

    def run(self, variants: Sequence[Variant]) -> list[dict[str, Any]]:
        """Return one row of figures per variant."""
        console = Console(stderr=True)
        scores: dict[str, dict[Rule, Scores]] = {}
        rows = []
        for variant in variants:
            console.print(f"scoring {variant.name}", highlight=False)
            scores[variant.name] = self._score(variant)
            rows.append(_row(variant, scores[variant.name], scores[variant.against or variants[0].name]))
        return rows

    def _score(self, variant: Variant) -> dict[Rule, Scores]:
        spec = read_bundle_spec(str(variant.bundle))[0]
        boxes = spec.boxes.model_copy(update={"merge": variant.merge, **variant.boxes})
        rules = BoxRules(boxes, spec.mining, spec.findings)
        drawn = self.tune.scope(variant.bundle).corners()
        cases = [
            MapCase(one.stem, one.finding, one.merged, one.placement, drawn[one.stem, one.finding])
            for one in self.tune.maps(variant, rules)
        ]
        choices = choose_thresholds(cases, spec.network.findings, boxes, self.search)
        harvested = harvest_boxes(self.scored.maps(variant, rules), choices, boxes)
        scope = self.scored.scope(variant.bundle)
        patients = {stem: film.patient for stem, film in scope.films.items()}
        evaluated = EvaluationSet(patients, scope.annotated, harvested)
        draws = resample_patients(len(patients_of(evaluated)))
        found = build_cases(evaluated)
        return {rule: score(found, rule, draws) for rule in RULES}


def harvest_boxes(
    maps: Iterable[FilmMap | MapCase], choices: Mapping[str, ThresholdChoice], spec: BoxSpec
) -> list[HarvestedBox]:
    """Cut the boxes of merged attention at the thresholds chosen for its finding."""
    return [
        HarvestedBox(one.stem, one.finding, rank, *cut.box, mean_attention=cut.mean_attention)
        for one in maps
        for rank, cut in enumerate(cut_boxes(one.merged, choices[one.finding].thresholds, spec, one.placement), start=1)
    ]


def compare(variants: Sequence[Variant], requests: Mapping[str, EvaluationRequest], work: Path, title: str) -> None:
    """Choose thresholds on ``requests["tune"]``, score on ``requests["score"]``, print and keep ``results.json``."""
    tune, scored = (Films(name, requests[name], work) for name in ("tune", "score"))
    rows = Comparison(tune, scored).run(variants)
    write_rows(rows, work / "results.json")
    print_rows(rows, title)


def _row(variant: Variant, scores: Mapping[Rule, Scores], reference: Mapping[Rule, Scores]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "variant": variant.name,
        "against": variant.against,
        "figures": {},
        "findings": {},
        "difference": {},
    }
    for rule, figures in scores.items():
        key = f"{rule.protocol} {rule.threshold}"
        row["figures"][key] = _numbers(figures.mean())
        row["findings"][key] = dict(zip(figures.findings, figures.values.tolist(), strict=True))
        row["difference"][key] = {
            name: _numbers(one) for name, one in paired_difference(figures, reference[rule]).items()
        }
    return row


def _numbers(one: Estimate) -> list[float | None]:
    return [one.value, one.low, one.high]


def print_rows(rows: Sequence[Mapping[str, Any]], title: str, small: str = "Nodule") -> None:
    """Print mean Acc under each rule and, at T = .3, the paired difference from the row it is compared with."""
    table = Table(
        title=title,
        caption="mean Acc over findings; difference from the first row or the one named, 95 % over patients",
    )
    keys = list(rows[0]["figures"])
    table.add_column("variant")
    for key in keys:
        table.add_column(key.replace("iam-", ""), justify="right")
    for header in ("all-boxes 0.3: difference", f"{small}: difference"):
        table.add_column(header, justify="right")
    for row in rows:
        at = row["difference"]["iam-all-boxes 0.3"]
        cells = [f"{row['figures'][key][0]:.3f}" for key in keys]
        name = row["variant"] + (f"\n  against: {row['against']}" if row["against"] else "")
        table.add_row(name, *cells, _interval(at["mean"]), _interval(at[small]))
    Console(width=200).print(table)


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(list(rows), indent=1) + "\n", encoding="utf-8")


def _interval(numbers: Sequence[float | None]) -> str:
    value, low, high = (float("nan") if one is None else one for one in numbers)
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
