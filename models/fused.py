"""A network for inference alone: batch norm folded into convolutions, which also add the residual and activate.

It computes the same function in fewer passes over memory. On a CPU oneDNN's convolution does all of it at once, with
weights laid out for the shape of the first batch; elsewhere the steps follow each other. Layers of other kinds, and
stages that cannot be traced, stay as they are.
"""

import copy
import operator
from itertools import pairwise
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm_act import BatchNormAct2d
from torch import fx, nn

from models.fused_convolution import ACTIVATIONS, FusedConvolution
from models.iam import IAM
from models.network import Tail
from models.pooling import NonNegativeMaxPool, is_known

_PLUS: tuple[object, ...] = (operator.add, operator.iadd)
_UNTRACEABLE = (fx.proxy.TraceError, RuntimeError, TypeError, ValueError)


def fuse(model: IAM, dtype: torch.dtype) -> IAM:
    """Return a copy for inference, whose convolutions hold their weights and compute in ``dtype``.

    A grey film need not be repeated for it where that can be taken into the first convolution: ``spec.in_channels`` of
    the copy says what it takes.

    Args:
        model: in eval mode; left as it is.
        dtype: float32 or bfloat16. Layers of other kinds follow torch's autocast; maps are float32 in any case.
    """
    fused = copy.deepcopy(model)
    fused.trunk = nn.ModuleList(map(fuse_stage, fused.trunk))
    for tail in fused.tails:
        assert isinstance(tail, Tail)
        tail.stages = nn.ModuleList(map(fuse_stage, tail.stages))
        if tail.multiscale is not None:
            tail.multiscale.deep = fuse_stage(tail.multiscale.deep)
            tail.multiscale.shallow = fuse_stage(tail.multiscale.shallow)
    _take_grey(fused)
    for stages in (fused.trunk, *(cast(Tail, tail).stages for tail in fused.tails)):
        _pool_activated(list(stages))
    for layer in fused.modules():
        if isinstance(layer, FusedConvolution):
            layer.weight.data = layer.weight.to(dtype=dtype, memory_format=torch.channels_last)
    return fused


def fuse_stage(stage: nn.Module) -> nn.Module:
    """Return a stage, in eval mode, with its convolutions fused; the stage itself where it cannot be traced."""
    try:
        graph = _Tracer().trace(stage)
    except _UNTRACEABLE:
        return stage
    traced = fx.GraphModule(stage, graph)
    for node in list(graph.nodes):
        _fuse_node(traced, node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


class _Tracer(fx.Tracer):
    """Follows a stage into its blocks, not into what is fused or dropped."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (nn.Conv2d, nn.BatchNorm2d)) or super().is_leaf_module(m, module_qualified_name)


def _fuse_node(traced: fx.GraphModule, node: fx.Node) -> None:
    """Put a node into the convolution before it, if it belongs there."""
    layer = _layer(traced, node)
    before = _fused_before(traced, node)
    if isinstance(layer, (nn.Identity, nn.Dropout)):
        _drop(node)
    elif type(layer) in (nn.Conv2d, Conv2dSame) and _zero_padded(cast(nn.Conv2d, layer)):
        traced.set_submodule(str(node.target), FusedConvolution(cast(nn.Conv2d, layer)))
    elif node.target in _PLUS:
        _fuse_sum(traced, node)
    elif before is None:
        return
    elif type(layer) in (nn.BatchNorm2d, BatchNormAct2d) and len(node.all_input_nodes[0].args) == 1:
        before.fold(cast(nn.BatchNorm2d, layer))
        activation = getattr(layer, "act", nn.Identity())
        if not isinstance(activation, nn.Identity) and type(activation) not in ACTIVATIONS:
            traced.set_submodule(str(node.target), activation)
            return
        before.activation = None if isinstance(activation, nn.Identity) else activation
        _drop(node)
    elif type(layer) in ACTIVATIONS:
        before.activation = layer
        _drop(node)


def _fuse_sum(traced: fx.GraphModule, node: fx.Node) -> None:
    """Have one of the two summands, a convolution, add the other."""
    for mine, other in (node.args, node.args[::-1]):
        if isinstance(mine, fx.Node) and isinstance(other, fx.Node) and _open(traced, mine) and len(mine.args) == 1:
            with traced.graph.inserting_before(node):
                joined = traced.graph.call_module(str(mine.target), (mine.args[0], other))
            node.replace_all_uses_with(joined)
            traced.graph.erase_node(node)
            traced.graph.erase_node(mine)
            fused = _layer(traced, joined)
            assert isinstance(fused, FusedConvolution)
            fused.may_overwrite_residual = _is_last_user(traced, joined, other)
            return


def _is_last_user(traced: fx.GraphModule, node: fx.Node, given: fx.Node) -> bool:
    """Tell whether ``given`` is a convolution's output of this stage that nobody reads after ``node``."""
    if not isinstance(_layer(traced, given), FusedConvolution):
        return False
    order = {one: place for place, one in enumerate(traced.graph.nodes)}
    return max(given.users, key=order.__getitem__) is node


def _take_grey(fused: IAM) -> None:
    """Have the first convolutions take one channel, if all of them can."""
    starts = [fused.trunk] if len(fused.trunk) else [cast(Tail, tail).stages for tail in fused.tails]
    firsts = [_first_convolution(stages[0]) for stages in starts if len(stages)]
    convolutions = [one for one in firsts if one is not None]
    if fused.spec.in_channels == 1 or len(convolutions) < len(starts):
        return
    for one in convolutions:
        one.sum_channels()
    fused.spec = fused.spec.model_copy(update={"in_channels": 1})


def _pool_activated(stages: list[nn.Module]) -> None:
    """Pool what an activation of 0 and more left as such, where one stage ends with it and the next one pools it."""
    for before, after in pairwise(stages):
        if not (isinstance(before, fx.GraphModule) and isinstance(after, fx.GraphModule)):
            continue
        (output,) = (node for node in before.graph.nodes if node.op == "output")
        last = _layer(before, output.all_input_nodes[0])
        users = list(next(iter(after.graph.nodes)).users)
        pooling = _layer(after, users[0]) if len(users) == 1 else None
        if isinstance(last, FusedConvolution) and isinstance(last.activation, nn.ReLU) and is_known(pooling):
            after.set_submodule(str(users[0].target), NonNegativeMaxPool(cast(nn.MaxPool2d, pooling)))


def _first_convolution(stage: nn.Module) -> FusedConvolution | None:
    """Return the only layer that sees a stage's input, if it is a convolution of all its channels."""
    if not isinstance(stage, fx.GraphModule):
        return None
    start = next(iter(stage.graph.nodes))
    layers = [_layer(stage, user) for user in start.users]
    only = layers[0] if len(layers) == 1 else None
    return only if isinstance(only, FusedConvolution) and only.where[3] == 1 else None


def _fused_before(traced: fx.GraphModule, node: fx.Node) -> FusedConvolution | None:
    inputs: list[fx.Node] = node.all_input_nodes
    return _open(traced, inputs[0]) if len(inputs) == 1 else None


def _open(traced: fx.GraphModule, node: fx.Node) -> FusedConvolution | None:
    """Return the fused convolution of a node if it can take in what its one user does."""
    layer = _layer(traced, node)
    ready = isinstance(layer, FusedConvolution) and layer.activation is None and len(node.users) == 1
    return cast(FusedConvolution, layer) if ready else None


def _layer(traced: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return traced.get_submodule(str(node.target)) if node.op == "call_module" else None


def _zero_padded(convolution: nn.Conv2d) -> bool:
    return convolution.padding_mode == "zeros" and not isinstance(convolution.padding, str)


def _drop(node: fx.Node) -> None:
    node.replace_all_uses_with(cast(Any, node.args[0]))
    node.graph.erase_node(node)
