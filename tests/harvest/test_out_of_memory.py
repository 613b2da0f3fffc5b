"""An accelerator whose memory does not hold a batch: passes are halved, and no film is lost."""

import numpy as np
import pytest
import torch

from harvest.config import EngineConfig
from harvest.errors import SettingsError
from harvest.predict import FilmMaps, Predictor
from models.bundle import Bundle
from models.iam import IAMOutput

CONFIG = EngineConfig(device="cpu", precision="fp32", batch_size=5)
FILMS = np.random.default_rng(0).integers(0, 256, (4, 96, 128), dtype=np.uint8)


def predict(predictor: Predictor) -> FilmMaps:
    return predictor.predict(FILMS, lambda probabilities: probabilities >= 0.5)


def give_room_for(predictor: Predictor, most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Run out of memory above so many films; returns the sizes that were tried."""
    tried: list[int] = []
    model = predictor._model

    def forward(images: torch.Tensor) -> IAMOutput:
        tried.append(len(images))
        if len(images) > most:
            raise torch.OutOfMemoryError("injected")
        output: IAMOutput = model(images)
        return output

    monkeypatch.setattr(predictor, "_model", forward)
    return tried


def test_passes_are_halved_and_every_film_is_predicted(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, short = predict(Predictor(tiny_bundle, CONFIG)), Predictor(tiny_bundle, CONFIG)
    tried = give_room_for(short, 2, monkeypatch)
    halved = predict(short)
    assert tried == [5, 3, 2, 2, 1]
    assert (halved.selected == whole.selected).all()
    assert (halved.keep == whole.keep).mean() > 0.999
    np.testing.assert_allclose(halved.probabilities, whole.probabilities, atol=1e-5)
    np.testing.assert_allclose(halved.attention, whole.attention, atol=1e-4)
    predict(short)
    assert max(tried[5:]) == 2


def test_no_room_for_one_film_is_told(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(tiny_bundle, CONFIG)
    give_room_for(predictor, 0, monkeypatch)
    with pytest.raises(SettingsError, match="--device cpu"):
        predict(predictor)
