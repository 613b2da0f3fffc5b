"""Convolutions in bfloat16, and the one place where that is slower than float32 on a CPU.

oneDNN's bfloat16 gradient of a depthwise convolution takes several times as long as its float32 gradient, and networks
for small machines are made of them. Under :func:`mixed_precision` these gradients are therefore computed in float32.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.overrides import TorchFunctionMode

Precision = Literal["fp32", "bf16"]


@contextmanager
def mixed_precision(device: torch.device, precision: Precision) -> Iterator[None]:
    """Run convolutions in ``precision``; what needs range stays float32, as torch's autocast decides."""
    if precision == "fp32":
        yield
        return
    with torch.autocast(device.type, torch.bfloat16):
        if device.type == "cpu" and torch.is_grad_enabled():
            with _DepthwiseMode():
                yield
        else:
            yield


def spare_copies(network: nn.Module) -> None:
    """Let ReLU6 make a new tensor: torch's in-place form computes one all the same, and copies it back."""
    for module in network.modules():
        if isinstance(module, nn.Hardtanh):
            module.inplace = False


class _DepthwiseMode(TorchFunctionMode):
    """Sends depthwise convolutions through :class:`_Depthwise`, all else where it was going."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        return _convolve(*args) if func is torch.conv2d and not kwargs else func(*args, **(kwargs or {}))


def _convolve(film: Tensor, weight: Tensor, bias: Tensor | None = None, *how: Any) -> Tensor:
    """Stand in for ``torch.conv2d``, called as convolution layers call it: stride, padding, dilation, groups follow."""
    if len(how) < 4 or how[3] == 1 or bias is not None or isinstance(how[1], str):
        return torch.conv2d(film, weight, bias, *how)
    convolved: Tensor = _Depthwise.apply(film, weight, (*map(_pair, how[:3]), how[3]))
    return convolved


def _pair(value: int | tuple[int, ...]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


class _Context(FunctionCtx):
    """What torch carries from forward to backward."""

    how: tuple[Any, ...]
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]


class _Depthwise(torch.autograd.Function):
    """A grouped convolution, forward in bfloat16, gradients in float32."""

    @staticmethod
    def forward(ctx: _Context, film: Tensor, weight: Tensor, how: tuple[Any, ...]) -> Tensor:
        film = film.to(torch.bfloat16)
        ctx.save_for_backward(film, weight)
        ctx.how = how
        stride, padding, dilation, groups = how
        return torch.conv2d(film, weight, None, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx: _Context, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        film, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.how
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        to_film, to_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(), film.float(), weight, None, stride, padding, dilation, False, [0, 0], groups, wanted
        )
        return None if to_film is None else to_film.to(film.dtype), to_weight, None
