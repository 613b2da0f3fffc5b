"""A bundle made ready to ship: thresholds chosen on annotated films, figures measured on others, both in its card."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.annotations import read_label_table
from harvest.box_rules import BoxRules
from harvest.boxes import Float32Map
from harvest.config import EngineConfig
from harvest.evaluate import evaluate_bundle, evaluation_lake, plan_evaluation
from harvest.evaluation.lake_films import read_lake_films
from harvest.evaluation.of_lake import EvaluationRequest, read_scope
from harvest.evaluation.recut import StoredFilm, iter_film_maps, iter_stored_films
from harvest.geometry import Placement
from harvest.lake import Lake
from harvest.pipeline import harvest_shard
from harvest.places import Place, learn_place
from harvest.thresholds import MapCase, ThresholdChoice, ThresholdSearch, choose_thresholds, with_thresholds
from harvest.training.card import with_localization
from models.bundle import load_bundle, save_bundle, write_card
from models.bundle_files import CARD_FILE, find_bundle, read_bundle_spec
from models.spec import BundleSpec


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and the digest of the bundle that carries it."""

    choices: dict[str, ThresholdChoice]
    digest: str


def learn_places(
    model: str, request: EvaluationRequest, out: Path, weight: float = 0.6, engine: EngineConfig | None = None
) -> str:
    """Learn where attention to each finding lies on the films that carry it, and save the bundle with these places.

    Boxes are not looked at: labels say which films count, maps where.

    Args:
        model: directory or name of a bundle.
        request: films, labels and split; those that the bundle was trained on serve.
        out: directory of the new bundle; weights and card are those of ``model``.
        weight: ``BoxSpec.place_weight`` of the new bundle.
        engine: device and precision.

    Returns:
        Digest of the new bundle.
    """
    bundle = load_bundle(model)
    unweighted = bundle.spec.boxes.model_copy(update={"place_weight": 0.0, "asymmetry_weight": 0.0})
    rules = BoxRules(unweighted, bundle.spec.mining, bundle.spec.findings)
    maps: dict[str, list[tuple[Float32Map, Placement]]] = {name: [] for name in bundle.spec.network.findings}
    with evaluation_lake() as lake:
        _harvest(model, request, lake, engine)
        for one in iter_labeled_films(lake.root, request, bundle.spec):
            maps[one.finding].append((one.merge(rules).merged, one.placement))
    places = {name: learn_place(found) for name, found in maps.items()}
    return save_bundle(out, bundle.model, with_places(bundle.spec, places, weight), _read_card(find_bundle(model)))


def with_places(spec: BundleSpec, places: Mapping[str, Place | None], weight: float) -> BundleSpec:
    """Return a bundle's spec with learned places; a finding that is not named has none."""
    findings = {name: one.model_copy(update={"place": places.get(name)}) for name, one in spec.findings.items()}
    boxes = spec.boxes.model_copy(update={"place_weight": weight})
    return spec.model_copy(update={"findings": findings, "boxes": boxes})


def iter_labeled_films(lake: Path, request: EvaluationRequest, spec: BundleSpec) -> Iterator[StoredFilm]:
    """Yield the stored maps of every (film, finding) that the label table asserts, in the splits of a request."""
    assert request.labels is not None
    stems = request.split_stems()
    rows = read_label_table(request.labels, request.lenient).rows
    wanted = {(stem, name) for stem, row in rows.items() if stems is None or stem in stems for name in row.findings}
    films = read_lake_films(lake).named({stem for stem, _ in wanted})
    yield from iter_stored_films(lake, films, wanted, spec.network.input_hw)


def tune_thresholds(
    model: str,
    request: EvaluationRequest,
    out: Path,
    search: ThresholdSearch | None = None,
    engine: EngineConfig | None = None,
) -> Tuning:
    """Choose box thresholds on annotated films and save the bundle with them.

    The films must not be those on which the bundle is scored afterwards.

    Args:
        model: directory or name of a bundle.
        request: films, labels, boxes and the split to choose on.
        out: directory of the new bundle; weights and card are those of ``model``.
        search: grid and objective; the defaults when None.
        engine: device and precision.
    """
    bundle, search = load_bundle(model), search or ThresholdSearch()
    with evaluation_lake() as lake:
        _harvest(model, request, lake, engine)
        cases = read_map_cases(lake.root, request, bundle.spec)
    choices = choose_thresholds(cases, bundle.spec.network.findings, bundle.spec.boxes, search)
    tuned = with_thresholds(bundle.spec, choices, _source(cases, request, search))
    card = with_localization(_read_card(find_bundle(model)), tuned)
    return Tuning(choices, save_bundle(out, bundle.model, tuned, card))


def measure_into_card(
    model: str, request: EvaluationRequest, films: str, engine: EngineConfig | None = None
) -> dict[str, Any]:
    """Evaluate a stored bundle and write its figures into its own card; the digest stays what it is.

    Args:
        model: directory of a bundle.
        request: films that neither weights nor thresholds were chosen on.
        films: the same in words, for the card.
        engine: device and precision.

    Returns:
        The content of ``metrics.json``.
    """
    directory = find_bundle(model)
    metrics = evaluate_bundle(model, request, engine).metrics
    spec, _ = read_bundle_spec(model)
    write_card(directory, with_localization(_read_card(directory), spec, metrics, films))
    return metrics


def _harvest(model: str, request: EvaluationRequest, lake: Lake, engine: EngineConfig | None) -> None:
    harvest = plan_evaluation(model, request, lake, engine or EngineConfig())
    for shard in harvest.shards:
        harvest_shard(shard, harvest.context)


def _read_card(directory: Path) -> str:
    return (directory / CARD_FILE).read_text(encoding="utf-8")


def read_map_cases(lake: Path, request: EvaluationRequest, spec: BundleSpec) -> list[MapCase]:
    """Read the merged attention of every (film, finding) that has annotated boxes and stored maps, with the boxes."""
    scope = read_scope(lake, request)
    drawn = scope.corners()
    return [
        MapCase(one.stem, one.finding, one.merged, one.placement, drawn[one.stem, one.finding])
        for one in iter_film_maps(lake, scope.films, drawn.keys(), spec)
    ]


def _source(cases: list[MapCase], request: EvaluationRequest, search: ThresholdSearch) -> str:
    boxes = sum(len(case.annotated) for case in cases)
    where = f" of {request.split_column} {', '.join(request.splits)}" if request.splits else ""
    return (
        f"mean Acc ({', '.join(search.protocols)}; T(IoU) {', '.join(f'{target:g}' for target in search.targets)}) on "
        f"{boxes} annotated boxes{where}, shrunk towards the common choice with weight n / (n + {search.shrinkage:g})"
    )
