"""One branch per finding: class activation maps and how a map becomes a logit.

Source: Cai et al., MICCAI 2018, eq. 1-3 and 7: p^c = sigmoid(w^c . GAP(X * M^c)). The product with w^c commutes with
mask and average, so one 1x1 convolution of X gives all maps, and masking follows it. The bias is ours.
Log-sum-exp pooling: Pinheiro and Collobert, CVPR 2015; probabilistic-CAM pooling: Ye et al., arXiv:2005.14480.
"""

import math

import torch
from torch import Tensor, nn

from models.spec import NetworkSpec


class Branches(nn.Module):
    """The weights w^c and biases of all findings.

    Args:
        channels: of the feature map X.
        spec: its findings and pooling are used.
    """

    def __init__(self, channels: int, spec: NetworkSpec) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(len(spec.findings), channels))
        self.bias = nn.Parameter(torch.zeros(len(spec.findings)))
        nn.init.normal_(self.weight, std=channels**-0.5)
        self.pooling = spec.pooling
        self.sharpness = spec.lse_sharpness

    def cams(self, features: Tensor, channels: slice = slice(None)) -> Tensor:
        """Return raw class activation maps (B, C, h, w): float32 even under autocast; no bias.

        Args:
            features: X (B, D, h, w), or some of its channels.
            channels: which ones; their share of the maps is returned.
        """
        with torch.autocast(features.device.type, enabled=False):
            maps = self.weight[:, channels].float() @ features.float().flatten(2)
            return maps.view(len(features), len(self.weight), *features.shape[-2:])

    def logits(self, cams: Tensor, keep: Tensor | None = None) -> Tensor:
        """Pool maps to logits.

        Args:
            cams: raw maps (B, C, h, w).
            keep: (B, C, h, w) bool, visible cells; None: all. Averaging counts erased cells as zeros (eq. 1-3); the
                other poolings look at visible cells only, and give the bias where there is none.

        Returns:
            float32 (B, C).
        """
        visible = torch.ones_like(cams, dtype=torch.bool) if keep is None else keep
        if self.pooling == "average":
            pooled = (cams * visible).mean((-2, -1))
        elif self.pooling == "lse":
            pooled = _log_mean_exp(cams, visible, self.sharpness)
        else:
            pooled = _mean(cams, self.probabilities(cams) * visible)
        return pooled + self.bias.float()

    def probabilities(self, cams: Tensor) -> Tensor:
        """Return the sigmoid of each cell of raw maps (B, C, h, w) with its finding's bias."""
        return torch.sigmoid(cams + self.bias.float()[:, None, None])


def _mean(cams: Tensor, weights: Tensor) -> Tensor:
    """Average over cells (B, C, h, w) with weights, 0 where they sum to none: (B, C)."""
    return (cams * weights).sum((-2, -1)) / weights.sum((-2, -1)).clamp_min(torch.finfo(cams.dtype).tiny)


def _log_mean_exp(cams: Tensor, visible: Tensor, sharpness: float) -> Tensor:
    """Smooth maximum of the visible cells (B, C, h, w): log(mean(exp(r x))) / r, 0 where none is visible: (B, C)."""
    least = -torch.finfo(cams.dtype).max / math.ceil(2 * sharpness)  # finite: minus infinity has no gradient
    total = (cams.masked_fill(~visible, least) * sharpness).logsumexp((-2, -1))
    count = visible.sum((-2, -1))
    return torch.where(count > 0, (total - count.clamp_min(1).log()) / sharpness, 0.0)
