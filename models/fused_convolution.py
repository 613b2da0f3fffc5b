"""A convolution and what follows it as one layer; on a CPU oneDNN's convolution does all of it at once."""

from typing import cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import pad_same
from torch import Tensor, nn

ACTIVATIONS = {
    nn.ReLU: "relu",
    nn.ReLU6: "hardtanh",
    nn.Hardtanh: "hardtanh",
    nn.Hardswish: "hardswish",
    nn.SiLU: "swish",
}
"""oneDNN's names."""


class FusedConvolution(nn.Module):
    """A convolution and what follows it: folded batch norm, sum with a residual, activation.

    Args:
        convolution: zero-padded.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        weight, bias = convolution.weight.detach(), convolution.bias
        self.weight = nn.Parameter(weight.clone(), requires_grad=False)
        self.bias = nn.Parameter(weight.new_zeros(len(weight)) if bias is None else bias.detach(), requires_grad=False)
        self.same = isinstance(convolution, Conv2dSame)
        padding = (0, 0) if self.same else cast("tuple[int, int]", convolution.padding)
        self.where = (padding, convolution.stride, convolution.dilation, convolution.groups)
        self.activation: nn.Module | None = None
        self.may_overwrite_residual = False
        self._laid_out: tuple[torch.Size, Tensor] | None = None

    def fold(self, norm: nn.BatchNorm2d) -> None:
        """Take over what a batch norm does to the output."""
        assert norm.running_mean is not None and norm.running_var is not None
        scale = (norm.running_var + norm.eps).rsqrt() * (1 if norm.weight is None else norm.weight.detach())
        self.weight.mul_(scale[:, None, None, None])
        self.bias.sub_(norm.running_mean).mul_(scale).add_(0 if norm.bias is None else norm.bias.detach())

    def sum_channels(self) -> None:
        """Take one channel instead of several equal ones."""
        self.weight.data = self.weight.sum(1, keepdim=True)

    def forward(self, features: Tensor, residual: Tensor | None = None) -> Tensor:
        """Convolve (B, D, h, w), add the residual, activate."""
        features = features.to(self.weight.dtype)
        if self.same:
            features = pad_same(features, list(self.weight.shape[-2:]), list(self.where[1]), list(self.where[2]))
        if features.device.type == "cpu" and _multiplies(features.dtype):
            return self._at_once(features, residual)
        padding, stride, dilation, groups = self.where
        made = torch.conv2d(features, self.weight, self.bias.to(features.dtype), stride, padding, dilation, groups)
        made = made if residual is None else made + residual
        return made if self.activation is None else cast(Tensor, self.activation(made))

    def _at_once(self, features: Tensor, residual: Tensor | None) -> Tensor:
        act = self.activation
        name = "none" if act is None else ACTIVATIONS[type(act)]
        limits = [act.min_val, act.max_val] if isinstance(act, nn.Hardtanh) else []
        weight = self._weight_for(features.shape)
        if residual is None:
            made = torch.ops.mkldnn._convolution_pointwise(features, weight, self.bias, *self.where, name, limits, "")
        else:
            common = (weight, self.bias.to(features.dtype), *self.where)
            sum_up = ("add", 1.0, None if name == "none" else name, limits, "")
            if self.may_overwrite_residual and residual.dtype == features.dtype:
                made = torch.ops.mkldnn._convolution_pointwise_.binary(residual, features, *common, *sum_up)
            else:
                residual = residual.to(features.dtype)
                made = torch.ops.mkldnn._convolution_pointwise.binary(features, residual, *common, *sum_up)
        return cast(Tensor, made)

    def _weight_for(self, shape: torch.Size) -> Tensor:
        """Return the weights in oneDNN's layout for inputs of a shape; it seldom changes."""
        laid_out = self._laid_out
        if laid_out is None or laid_out[0] != shape:
            laid_out = shape, torch.ops.mkldnn._reorder_convolution_weight(self.weight, *self.where, shape)
            self._laid_out = laid_out
        return laid_out[1]


def _multiplies(dtype: torch.dtype) -> bool:
    """Tell whether oneDNN is there and, for bfloat16, the processor has what it needs."""
    there = torch.backends.mkldnn.is_available()
    return there and (dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
