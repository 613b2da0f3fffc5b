"""A bundle evaluated: the same figures as from its lake, files written, and messages that help."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.config import EngineConfig
from harvest.errors import BundleError, SettingsError
from harvest.evaluate import (
    evaluate_bundle,
    evaluate_harvest,
    evaluation_lake,
    plan_evaluation,
    write_evaluation,
)
from harvest.evaluation.measure import Sampling
from harvest.evaluation.of_lake import EvaluationRequest, evaluate_lake
from harvest.pipeline import harvest_shard
from harvest.thresholds import ThresholdSearch
from harvest.tuning import learn_places, measure_into_card, tune_thresholds
from models.bundle import load_bundle

FILMS = {"a": ("Mass", "dev"), "b": ("Effusion|Mass", "dev"), "c": ("No Finding", "dev"), "d": ("Mass", "eval")}


@pytest.fixture
def request_(tmp_path: Path) -> EvaluationRequest:
    images = tmp_path / "images"
    images.mkdir()
    generator = np.random.default_rng(3)
    for name in (*FILMS, "unlabelled"):
        small = Image.fromarray(generator.integers(0, 255, (9, 7), dtype=np.uint8))
        small.resize((140, 180), Image.Resampling.BICUBIC).save(images / f"{name}.png")
    lines = [f"{name}.png,{labels},{name},{split}" for name, (labels, split) in FILMS.items()]
    (tmp_path / "labels.csv").write_text("\n".join(["Image Index,Finding Labels,Patient ID,split", *lines, ""]))
    boxes = "a.png,Mass,100,200,400,300\nb.png,Effusion,500,500,300,400\nd.png,Mass,10,10,600,700\n"
    (tmp_path / "boxes.csv").write_text("Image Index,Finding Label,x,y,w,h\n" + boxes)
    return EvaluationRequest(
        boxes=tmp_path / "boxes.csv",
        labels=tmp_path / "labels.csv",
        images=images,
        split_column="split",
        splits=("dev",),
        sampling=Sampling(resamples=40),
    )


def test_a_bundle_and_its_lake_give_the_same_figures(tiny_bundle_path: Path, request_: EvaluationRequest) -> None:
    seen: list[tuple[int, int]] = []
    model = str(tiny_bundle_path)
    of_bundle = evaluate_bundle(model, request_, observe=lambda _, done, total: seen.append((done, total)))
    assert seen == [(3, 3)]  # films of the split that the label table describes
    with evaluation_lake() as lake:
        harvest = plan_evaluation(model, request_, lake, EngineConfig())
        for shard in harvest.shards:
            harvest_shard(shard, harvest.context)
        assert evaluate_harvest(lake.root, request_, model) == of_bundle
        without_maps = evaluate_harvest(lake.root, request_).metrics
    assert "wang-all-boxes" in of_bundle.metrics["protocols"]
    assert "wang-all-boxes" not in without_maps["protocols"] and "pointing_game" not in without_maps["figures"]
    assert of_bundle.metrics["annotated_boxes"] == 2 and of_bundle.metrics["films"]["annotated_but_not_in_scope"] == 1


def test_figures_and_page_are_written(tiny_bundle_path: Path, request_: EvaluationRequest, tmp_path: Path) -> None:
    evaluation = evaluate_bundle(str(tiny_bundle_path), request_)
    metrics, page = write_evaluation(evaluation, tmp_path / "new" / "out")
    assert json.loads(metrics.read_text()) == evaluation.metrics
    assert "Evaluation of tiny" in page.read_text()


def test_another_bundle_than_the_lakes_is_refused(tiny_bundle_path: Path, request_: EvaluationRequest) -> None:
    with evaluation_lake() as lake:
        harvest = plan_evaluation(str(tiny_bundle_path), request_, lake, EngineConfig())
        for shard in harvest.shards:
            harvest_shard(shard, harvest.context)
        spec_file = tiny_bundle_path / "bundle.json"
        other = lake.root.parent / "other"
        other.mkdir()
        (other / "bundle.json").write_text(spec_file.read_text().replace('"name": "tiny"', '"name": "other"'))
        with pytest.raises(BundleError, match="not with"):
            evaluate_harvest(lake.root, request_, str(other))
        assert evaluate_lake(lake.root, request_, None).metrics["annotated_boxes"] == 2


def test_a_bundle_needs_images_and_labels(tiny_bundle_path: Path, request_: EvaluationRequest) -> None:
    with pytest.raises(SettingsError, match="--images and --labels"):
        evaluate_bundle(str(tiny_bundle_path), EvaluationRequest(request_.boxes))


def test_thresholds_are_chosen_on_a_split_and_saved(
    tiny_bundle_path: Path, request_: EvaluationRequest, tmp_path: Path
) -> None:
    search = ThresholdSearch(grid=(0.2, 0.4, 0.6, 0.8), count=2)
    tuning = tune_thresholds(str(tiny_bundle_path), request_, tmp_path / "tuned", search)
    tuned = load_bundle(tmp_path / "tuned")
    assert tuned.digest == tuning.digest
    assert tuning.choices["Mass"].annotated_boxes == tuning.choices["Effusion"].annotated_boxes == 1
    assert {name: one.thresholds for name, one in tuned.spec.findings.items()} == {
        name: choice.thresholds for name, choice in tuning.choices.items()
    }
    assert "2 annotated boxes of split dev" in tuned.spec.threshold_source
    before, after = (evaluate_bundle(model, request_) for model in (str(tiny_bundle_path), str(tmp_path / "tuned")))
    assert after.metrics["figures"]["pointing_game"] == before.metrics["figures"]["pointing_game"]


def test_places_are_learned_from_labels_and_move_the_boxes(
    tiny_bundle_path: Path, request_: EvaluationRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harvest.places.MINIMUM_FILMS", 1)
    request_.boxes.unlink()  # never read
    digest = learn_places(str(tiny_bundle_path), request_, tmp_path / "placed", weight=1.0)
    placed = load_bundle(tmp_path / "placed")
    assert {name for name, one in placed.spec.findings.items() if one.place} == {"Mass", "Effusion"}
    assert (placed.digest, placed.spec.boxes.place_weight) == (digest, 1.0)


def test_a_card_says_what_the_stored_bundle_reaches(
    tiny_bundle_path: Path, request_: EvaluationRequest, tmp_path: Path
) -> None:
    search = ThresholdSearch(grid=(0.3, 0.6), count=1)
    digest = tune_thresholds(str(tiny_bundle_path), request_, tmp_path / "tuned", search).digest
    card = tmp_path / "tuned" / "MODEL_CARD.md"
    assert "Localization was not measured" in card.read_text()
    metrics = measure_into_card(str(tmp_path / "tuned"), request_, "two films")
    accuracy = metrics["protocols"]["iam-all-boxes"]["IoU"]["0.1"]["Mass"]["accuracy"]
    text = card.read_text()
    assert "not measured" not in text and text.count("## Localization") == 1
    (row,) = (line for line in text.splitlines() if line.startswith("| Mass |"))
    assert row.split(" | ")[5] == f"{accuracy:.3f}" and "on two films" in text
    assert load_bundle(tmp_path / "tuned").digest == digest
