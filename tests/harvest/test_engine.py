"""The engine gives what the plain network gives, however many cores and callers there are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from harvest.config import EngineConfig, HarvestConfig
from harvest.engine import resolve_engine
from harvest.errors import SettingsError
from harvest.predict import FilmMaps, Predictor
from models.bundle import Bundle

FILMS = np.random.default_rng(1).integers(0, 256, (9, 96, 128), dtype=np.uint8)


def engine(precision: str = "fp32", **settings: object) -> EngineConfig:
    return EngineConfig.model_validate({"device": "cpu", "precision": precision, **settings})


def predict(predictor: Predictor, films: np.ndarray = FILMS[:4]) -> FilmMaps:
    return predictor.predict(films, lambda probabilities: np.ones_like(probabilities, dtype=bool))


def assert_equal(one: FilmMaps, other: FilmMaps) -> None:
    for name in ("probabilities", "peaks", "attention", "keep"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_maps_are_those_of_the_plain_network(tiny_bundle: Bundle) -> None:
    plain = Predictor(tiny_bundle, engine())
    plain._model, plain._input = tiny_bundle.model, tiny_bundle.spec.network
    expected, found = predict(plain), predict(Predictor(tiny_bundle, engine()))
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    np.testing.assert_allclose(found.attention[0], expected.attention[0], rtol=1e-3, atol=1e-2)
    assert (found.keep == expected.keep).mean() > 0.999


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_rows_do_not_depend_on_threads_nor_on_who_calls(tiny_bundle: Bundle, precision: str) -> None:
    predictor = Predictor(tiny_bundle, engine(precision))
    alone = [predict(predictor, FILMS[start : start + 4]) for start in (0, 4, 8)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with ThreadPoolExecutor(3) as pool:
            beside = list(pool.map(lambda start: predict(predictor, FILMS[start : start + 4]), (0, 4, 8)))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    for one, other in zip(alone, beside, strict=True):
        assert_equal(one, other)


def test_the_fingerprint_names_precision_and_batch_shape_not_the_device_asked_for() -> None:
    config = HarvestConfig(engine=engine(batch_size=2))
    name = resolve_engine(config.engine).name
    assert name == "cpu-fp32-2"
    same = HarvestConfig(engine=EngineConfig(decode_workers=0))
    assert same.fingerprint("m", name) == config.fingerprint("m", name)
    assert len({config.fingerprint("m", other) for other in (name, "cpu-fp32-4", "cpu-bf16-2")}) == 3


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(SettingsError, match="auto, cpu, cuda"):
        resolve_engine(EngineConfig(device="tpu"))
