"""Random changes of films: repeatable by seed, neutral where all strengths are zero."""

import torch

from models.augmentation import Augmentation
from models.training_spec import AugmentationSpec

NONE = {"degrees": 0, "translate": 0, "scale": 0, "shear": 0, "brightness": 0, "contrast": 0, "horizontal_flip": 0}


def film() -> torch.Tensor:
    return torch.arange(60 * 44, dtype=torch.int32).remainder(251).to(torch.uint8).view(60, 44)


def test_a_seed_decides_everything_and_the_global_state_stays() -> None:
    change = Augmentation(AugmentationSpec(shear=3, horizontal_flip=0.5))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, again, other = change(film(), 5), change(film(), 5), change(film(), 6)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.uint8 and first.shape == (60, 44)


def test_no_strength_is_no_change() -> None:
    assert torch.equal(Augmentation(AugmentationSpec(**NONE))(film(), 3), film())


def test_the_film_itself_is_not_written_to() -> None:
    original = film()
    Augmentation(AugmentationSpec())(original, 3)
    assert torch.equal(original, film())


def test_a_certain_mirror_mirrors() -> None:
    mirrored = Augmentation(AugmentationSpec(**(NONE | {"horizontal_flip": 1})))(film(), 0)
    assert torch.equal(mirrored, film().flip(1))
