"""Max pooling of what an activation left, in bfloat16: the order of values from 0 up is that of their bits.

As whole numbers they are compared without being widened to float32 and back, as torch does it, and without an index of
each largest value being kept; the values are the same. A NaN with its sign set counts as smaller than all.
"""

from typing import cast

import torch
from torch import Tensor, nn


class NonNegativeMaxPool(nn.Module):
    """A window of 3 x 3, stride 2, padding 1, of features of 0 and more.

    Args:
        pooling: what it stands for, and what pools where there is nothing to gain.
    """

    def __init__(self, pooling: nn.MaxPool2d) -> None:
        super().__init__()
        self.pooling = pooling

    def forward(self, features: Tensor) -> Tensor:
        """Pool (B, D, h, w) to half of its size."""
        even = features.shape[-2] % 2 == 0 and features.shape[-1] % 2 == 0
        if features.dtype != torch.bfloat16 or features.device.type != "cpu" or not even:
            return cast(Tensor, self.pooling(features))
        bits = features.permute(0, 2, 3, 1).view(torch.int16)
        return _pool(_pool(bits, 1), 2).view(torch.bfloat16).permute(0, 3, 1, 2)


def is_known(pooling: nn.Module | None) -> bool:
    """Tell whether a layer is the max pooling that :class:`NonNegativeMaxPool` stands for."""
    if type(pooling) is not nn.MaxPool2d or pooling.ceil_mode:
        return False
    pairs = (pooling.kernel_size, pooling.stride, pooling.padding, pooling.dilation)
    return all(one in (size, (size, size)) for one, size in zip(pairs, (3, 2, 1, 1), strict=True))


def _pool(bits: Tensor, axis: int) -> Tensor:
    """Keep the largest of each cell of even place and its two neighbours along an axis."""
    size = bits.shape[axis] // 2
    even, odd = (bits.unflatten(axis, (size, 2)).select(axis + 1, place) for place in (0, 1))
    largest = torch.maximum(even, odd)
    later = largest.narrow(axis, 1, size - 1)
    torch.maximum(later, odd.narrow(axis, 0, size - 1), out=later)
    return largest
