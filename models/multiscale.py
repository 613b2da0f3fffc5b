"""Multi-scale aggregation (MSA): one feature map X at stride 16 from the last two stages.

Source: Cai et al., MICCAI 2018, sec. 2.3. What follows the 1x1 convolutions is not in the paper (a named setting).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class MultiScale(nn.Module):
    """1x1 convolutions of the stride-32 and stride-16 features, the former doubled in size, stacked.

    Args:
        in_channels: of the stride-16 and of the stride-32 features.
        out_channels: of the 1x1 convolution on each, in the same order (paper: 256 and 512).
        norm: what follows each convolution.
    """

    def __init__(
        self, in_channels: tuple[int, int], out_channels: tuple[int, int], norm: Literal["none", "batch_norm_relu"]
    ) -> None:
        super().__init__()
        self.shallow: nn.Module = _pointwise(in_channels[0], out_channels[0], norm)
        self.deep: nn.Module = _pointwise(in_channels[1], out_channels[1], norm)

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """Aggregate the two scales.

        Args:
            shallow: features at stride 16, (B, D3, h, w).
            deep: features at stride 32, (B, D4, ceil(h/2), ceil(w/2)).

        Returns:
            X, (B, deep_channels + shallow_channels, h, w), the deep channels first.
        """
        return torch.cat((enlarge(self.deep(deep), shallow), self.shallow(shallow)), dim=1)


def enlarge(deep: Tensor, shallow: Tensor) -> Tensor:
    """Enlarge maps at stride 32 bilinearly to the rows and columns of others at stride 16."""
    return functional.interpolate(deep, size=shallow.shape[-2:], mode="bilinear")


def _pointwise(in_channels: int, out_channels: int, norm: Literal["none", "batch_norm_relu"]) -> nn.Sequential:
    """Return a 1x1 convolution and what follows it; the bias only where no normalisation takes it away again."""
    if norm == "none":
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1))
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)
    )
