"""Losses: classification of the erased maps, and knowledge preservation.

Source: Cai et al., MICCAI 2018, eq. 1-3 (classification), eq. 4-5 (preservation), eq. 6 (their sum).
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from models.spec import NetworkSpec

KnowledgeNorm = Literal["matrix", "mean_image"]


def classification_loss(logits: Tensor, labels: Tensor, positive_weight: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy over films and findings (eq. 1-3; the erased map is already in the logits).

    Args:
        logits: (B, C).
        labels: (B, C), 1 where the finding is asserted, else 0.
        positive_weight: [open] (C,) weight of asserted findings; None: 1, as in the paper.
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), labels.float(), pos_weight=positive_weight)


def knowledge_points(network: NetworkSpec, frozen_stages: int) -> tuple[str, ...]:
    """Name the points K at which knowledge is preserved: those of ``NetworkOutput.points`` that training can move.

    Args:
        network: its ``multiscale`` says whether there is an MSA output.
        frozen_stages: how many of the five backbone stages are not trained (4: through stride 16).
    """
    backbone = ("stage3",) * (frozen_stages < 4) + ("stage4",) * (frozen_stages < 5)
    return (*backbone, *(("multiscale",) if network.multiscale else ()), "logits")


def knowledge_loss(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], points: Iterable[str], norm: KnowledgeNorm = "matrix"
) -> Tensor:
    """Distance between the frozen and the updated network on untouched films (eq. 4-5).

    Args:
        before: points of the frozen network N_A, each (n, D).
        after: points of the updated network N_B.
        points: which of them enter.
        norm: [open] of eq. 4: ``matrix``: norm of the whole (n, D) difference, divided by n; ``mean_image``: mean
            over films of the norm of each one's difference (sqrt(n) times larger where films differ equally).

    Returns:
        The mean over points, a scalar; exactly 0, with gradient 0, where both networks agree, and for no films.
    """
    distances = [_distance(after[name].float() - before[name].detach().float(), norm) for name in points]
    return torch.stack(distances).mean()


def total_loss(classification: Tensor, knowledge: Tensor, knowledge_weight: float = 0.5) -> Tensor:
    """Return L = L_cls + lambda L_KP (eq. 6)."""
    return classification + knowledge_weight * knowledge


def _distance(difference: Tensor, norm: KnowledgeNorm) -> Tensor:
    """Return L_k of one point from its difference (n, D)."""
    per_film = torch.linalg.vector_norm(difference, dim=1)
    whole: Tensor = per_film.norm() if norm == "matrix" else per_film.sum()
    return whole / max(len(difference), 1)
