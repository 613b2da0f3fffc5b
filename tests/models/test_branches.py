"""From a map to a logit."""

from typing import Any

import pytest
import torch
from torch import Tensor

from models.branches import Branches
from models.multiscale import MultiScale
from models.spec import NetworkSpec

TWO = ("Mass", "Nodule")


def branches(pooling: Any, **settings: Any) -> Branches:
    torch.manual_seed(3)
    made = Branches(6, NetworkSpec(findings=TWO, pooling=pooling, **settings))
    made.bias.data = torch.tensor([0.25, -0.5])
    return made


def features_and_mask() -> tuple[Tensor, Tensor]:
    torch.manual_seed(4)
    return torch.randn(3, 6, 4, 5), torch.rand(3, 2, 4, 5) < 0.6


def test_average_pooling_is_the_papers_logit_of_the_erased_feature_map() -> None:
    branch, (features, keep) = branches("average"), features_and_mask()
    logits = branch.logits(branch.cams(features), keep)
    for film in range(3):
        for finding in range(2):
            erased = (features[film] * keep[film, finding]).mean((-2, -1))  # GAP(X * M^c), zeros included
            expected = erased @ branch.weight[finding] + branch.bias[finding]
            torch.testing.assert_close(logits[film, finding], expected)


@pytest.mark.parametrize("pooling", ["lse", "pcam"])
def test_other_poolings_look_at_visible_cells_only(pooling: Any) -> None:
    branch, (features, keep) = branches(pooling), features_and_mask()
    cams = branch.cams(features)
    assert torch.equal(branch.logits(cams, keep), branch.logits(cams.masked_fill(~keep, 77.0), keep))
    seen = cams[0, 1][keep[0, 1]]
    if pooling == "lse":
        expected = (5 * seen).exp().mean().log() / 5
    else:
        weights = (seen + branch.bias[1]).sigmoid()
        expected = (weights * seen).sum() / weights.sum()
    torch.testing.assert_close(branch.logits(cams, keep)[0, 1], expected + branch.bias[1])


@pytest.mark.parametrize("pooling", ["average", "lse", "pcam"])
def test_a_wholly_erased_map_gives_the_bias_and_a_finite_gradient(pooling: Any) -> None:
    branch, (features, _) = branches(pooling), features_and_mask()
    logits = branch.logits(branch.cams(features), torch.zeros(3, 2, 4, 5).bool())
    logits.sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(logits, branch.bias.expand(3, 2))
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in branch.parameters())


@pytest.mark.parametrize("sharpness", [0.1, 5.0, 50.0])
def test_log_sum_exp_lies_between_mean_and_maximum(sharpness: float) -> None:
    branch, (features, _) = branches("lse", lse_sharpness=sharpness), features_and_mask()
    cams = branch.cams(features)
    pooled = branch.logits(cams) - branch.bias
    assert (pooled >= cams.mean((-2, -1)) - 1e-5).all()
    assert (pooled <= cams.amax((-2, -1)) + 1e-5).all()


@pytest.mark.parametrize("norm", ["none", "batch_norm_relu"])
def test_multiscale_stacks_both_scales_at_the_finer_grid_even_where_it_is_odd(norm: Any) -> None:
    multiscale = MultiScale((8, 12), (2, 3), norm)
    stacked = multiscale(torch.randn(2, 8, 5, 7), torch.randn(2, 12, 3, 4))
    assert stacked.shape == (2, 5, 5, 7)
    assert (stacked.amin() >= 0).item() == (norm == "batch_norm_relu")
