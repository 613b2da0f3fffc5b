"""Equations 1-6 with numbers worked by hand."""

import math
from typing import Any

import pytest
import torch

from models.losses import classification_loss, knowledge_loss, knowledge_points, total_loss
from models.spec import NetworkSpec


def test_classification_is_the_mean_cross_entropy_over_findings() -> None:
    logits = torch.tensor([[0.0, math.log(3)]])  # probabilities 1/2 and 3/4
    assert classification_loss(logits, torch.tensor([[1, 0]])).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize(("norm", "expected"), [("matrix", math.sqrt(25 + 100) / 2), ("mean_image", (5 + 10) / 2)])
def test_knowledge_is_the_unsquared_norm_over_the_number_of_films(norm: Any, expected: float) -> None:
    before = {"logits": torch.zeros(2, 2), "stage4": torch.ones(2, 3)}
    after = {"logits": torch.tensor([[3.0, 4.0], [6.0, 8.0]]), "stage4": torch.ones(2, 3)}
    assert knowledge_loss(before, after, ["logits"], norm).item() == pytest.approx(expected)
    assert knowledge_loss(before, after, ["logits", "stage4"], norm).item() == pytest.approx(expected / 2)


@pytest.mark.parametrize("norm", ["matrix", "mean_image"])
@pytest.mark.parametrize("films", [0, 3])
def test_knowledge_of_equal_networks_is_exactly_zero_with_a_finite_gradient(norm: Any, films: int) -> None:
    after = torch.randn(films, 4, requires_grad=True)
    loss = knowledge_loss({"logits": after.detach().clone()}, {"logits": after}, ["logits"], norm)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert after.grad is not None
    assert torch.equal(after.grad, torch.zeros(films, 4))


def test_only_points_that_training_can_move_enter() -> None:
    network = NetworkSpec()
    assert knowledge_points(network, 0) == ("stage3", "stage4", "multiscale", "logits")
    assert knowledge_points(network, 4) == ("stage4", "multiscale", "logits")
    assert knowledge_points(network, 5) == ("multiscale", "logits")
    assert knowledge_points(NetworkSpec(multiscale=False), 5) == ("logits",)


def test_total_weighs_knowledge_by_one_half() -> None:
    assert total_loss(torch.tensor(2.0), torch.tensor(3.0)).item() == 3.5
