"""Gating, prediction and the single-film API on a tiny random bundle: what decides which boxes, and that it repeats."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.api import localize
from harvest.batches import Film, iter_batches, read_films
from harvest.config import BoxConfig, EngineConfig, GateConfig, HarvestConfig
from harvest.errors import ArchiveError
from harvest.localization import Localizer, gate_findings, label_matrix
from harvest.phantom.sketch import sketch_chest
from harvest.predict import Predictor
from harvest.records import ArchiveObject
from harvest.sources import open_source
from models.bundle import Bundle
from models.findings import FINDINGS

FP32 = EngineConfig(device="cpu", precision="fp32", batch_size=4)


def settings(**changes: object) -> HarvestConfig:
    return HarvestConfig(engine=FP32).model_copy(update=changes)


def write_film(path: Path, seed: int, size: tuple[int, int] = (150, 90)) -> Path:
    Image.fromarray(sketch_chest(seed, size[1], size[0])).save(path)
    return path


def films(folder: Path, count: int, labels: str | None = None) -> list[Film]:
    for index in range(count):
        write_film(folder / f"film{index}.png", index)
    source = open_source(str(folder))
    objects = [dataclasses.replace(one, labels=labels) for one in source.iter_objects()]
    return [film for one in objects for film in read_films(source, one, HarvestConfig().decode, (96, 128))]


def test_gate_modes() -> None:
    probabilities = np.array([[0.9, 0.2, 0.5]])
    gates = np.array([0.5, 0.5, 0.5])
    labels = np.array([[0, 1, -1]], dtype=np.int8)
    assert gate_findings(probabilities, gates, labels, "probability").tolist() == [[True, False, True]]
    assert gate_findings(probabilities, gates, labels, "labels").tolist() == [[False, True, False]]
    assert gate_findings(probabilities, gates, labels, "both").tolist() == [[True, True, True]]


def test_labels_read_aliases_and_tell_absent_from_unknown(tmp_path: Path) -> None:
    (film,) = films(tmp_path, 1, labels="Infiltrate|Mass")
    matrix = label_matrix([film, dataclasses.replace(film, source=ArchiveObject("x", 1, 1))], FINDINGS)
    assert {name for name, value in zip(FINDINGS, matrix[0], strict=True) if value == 1} == {"Infiltration", "Mass"}
    assert set(matrix[1].tolist()) == {-1}


def test_a_film_alone_gives_what_it_gives_among_others(tmp_path: Path, tiny_bundle: Bundle) -> None:
    localizer = Localizer(Predictor(tiny_bundle, FP32), settings(gate=GateConfig(mode="both")))
    prepared = films(tmp_path, 4, labels="Mass|Nodule")
    together = localizer.localize(prepared)
    alone = [localizer.localize([film])[0] for film in prepared]
    for one, other in zip(together, alone, strict=True):
        assert one is not None
        assert other is not None
        assert [result.boxes for result in one] == [result.boxes for result in other]


def test_labels_gate_boxes_what_is_asserted_and_overrides_apply(tmp_path: Path, tiny_bundle: Bundle) -> None:
    boxes = BoxConfig(thresholds=(0.4, 0.6), max_boxes=1)
    localizer = Localizer(Predictor(tiny_bundle, FP32), settings(gate=GateConfig(mode="labels"), boxes=boxes))
    (results,) = localizer.localize(films(tmp_path, 1, labels="Mass"))
    assert results is not None
    assert [result.finding for result in results if result.gated] == ["Mass"]
    boxed = [result for result in results if result.boxes]
    assert [len(result.boxes) for result in boxed] == [1]
    assert boxed[0].boxes[0].threshold in {0.4, 0.6}
    assert all(result.labeled is (result.finding == "Mass") for result in results)


def test_the_api_gives_the_boxes_of_a_run_for_path_and_array(tmp_path: Path, tiny_bundle_path: Path) -> None:
    path = write_film(tmp_path / "film.png", 3)
    config = settings(gate=GateConfig(mode="labels"))
    from_path = localize(path, tiny_bundle_path, labels="Effusion", config=config)
    with Image.open(path) as opened:
        from_array = localize(np.asarray(opened), tiny_bundle_path, labels="Effusion", config=config)
    assert [one.boxes for one in from_path] == [one.boxes for one in from_array]
    assert any(one.boxes for one in from_path)


def test_the_api_says_why_a_film_is_rejected(tmp_path: Path, tiny_bundle_path: Path) -> None:
    broken = tmp_path / "film.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(ArchiveError, match="rejected"):
        localize(broken, tiny_bundle_path)


def test_batches_hold_rejected_films_in_place_and_never_more_than_the_size(tmp_path: Path) -> None:
    accepted = films(tmp_path, 5)
    rejected = dataclasses.replace(accepted[0], input=None)
    batches = list(iter_batches([accepted[0], rejected, *accepted[1:], rejected], 2))
    assert [sum(film.input is not None for film in batch) for batch in batches] == [2, 2, 1]
    assert sum(len(batch) for batch in batches) == 7
