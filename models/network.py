"""One network N_t of the method: backbone, multi-scale aggregation, one branch per finding.

It is held in two parts: the trunk, whose stages N_1 .. N_T may share, and the tail, which each N_t has for itself.
Source: Cai et al., MICCAI 2018, sec. 2.2-2.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from torch import Tensor, nn

from models.backbone import STAGE_STRIDES, backbone_stages
from models.branches import Branches
from models.multiscale import MultiScale, enlarge
from models.spec import NetworkSpec

_STRIDE_16 = STAGE_STRIDES.index(16)


class Features(NamedTuple):
    """What a part of the backbone hands on."""

    last: Tensor
    """Output of the last stage that ran, (B, D, h, w)."""
    stride_16: Tensor | None = None
    """Output of the stride-16 stage, once it ran."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What one network says of a batch; all float32."""

    logits: Tensor
    """(B, C), of the map erased by the given mask."""
    cams: Tensor
    """Raw class activation maps (B, C, h, w), unmasked, without bias."""
    points: dict[str, Tensor]
    """Averages over the grid (B, D) at the points K of knowledge preservation (sec. 2.2): ``stage3`` and ``stage4``
    (the backbone at stride 16 and 32), ``multiscale`` (MSA output, where there is one), ``logits``."""


class Tail(nn.Module):
    """The part of N_t that it shares with no other: the backbone's remaining stages, MSA and branches.

    Args:
        stages: remaining stages.
        first_stage: index, from 0, of the first of them in the whole backbone.
        channels: of the outputs of all five stages.
        spec: of the network.
    """

    def __init__(
        self, stages: Sequence[nn.Module], first_stage: int, channels: tuple[int, ...], spec: NetworkSpec
    ) -> None:
        super().__init__()
        self.first_stage = first_stage
        self.stages = nn.ModuleList(stages)
        scales = (spec.shallow_channels, spec.deep_channels)
        inputs = (channels[_STRIDE_16], channels[-1])
        self.multiscale = MultiScale(inputs, scales, spec.multiscale_norm) if spec.multiscale else None
        self.branches = Branches(sum(scales) if spec.multiscale else channels[-1], spec)

    def forward(self, trunk: Features, keep: Tensor | None = None) -> NetworkOutput:
        """Go on from the trunk's features; ``keep`` (B, C, h, w) bool, None: everything visible."""
        shallow, deep, features = self._features(trunk)
        cams = self.branches.cams(features)
        logits = self.branches.logits(cams, keep)
        points = {"stage3": _average(shallow), "stage4": _average(deep), "logits": logits}
        if self.multiscale is not None:
            points["multiscale"] = _average(features)
        return NetworkOutput(logits, cams, points)

    def cams(self, trunk: Features) -> Tensor:
        """Return the raw class activation maps alone, (B, C, h, w).

        The product with w^c and the enlargement of the deep features commute, so the few maps are enlarged.
        """
        shallow, deep = self._scales(trunk)
        if self.multiscale is None:
            return self.branches.cams(deep)
        fine, coarse = self.multiscale.shallow(shallow), self.multiscale.deep(deep)
        maps = self.branches.cams(coarse, slice(None, coarse.shape[1]))
        return enlarge(maps, fine) + self.branches.cams(fine, slice(coarse.shape[1], None))

    def _features(self, trunk: Features) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at stride 16, at stride 32, and X."""
        shallow, deep = self._scales(trunk)
        return shallow, deep, deep if self.multiscale is None else self.multiscale(shallow, deep)

    def _scales(self, trunk: Features) -> tuple[Tensor, Tensor]:
        """Return the features at stride 16 and 32."""
        deep, shallow = run_stages(self.stages, trunk, self.first_stage)
        assert shallow is not None  # trunk and tail together are the whole backbone
        return shallow, deep


class FindingNetwork(nn.Module):
    """N_t: from a film to one logit and one class activation map per finding.

    Args:
        spec: architecture; its first ``shared_stages`` backbone stages become ``trunk``, the rest ``tail``.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        stages, channels = backbone_stages(spec.backbone, spec.in_channels)
        self.spec = spec
        self.trunk = stages[: spec.shared_stages]
        self.tail = Tail(list(stages[spec.shared_stages :]), spec.shared_stages, channels, spec)

    @classmethod
    def of(cls, spec: NetworkSpec, trunk: nn.ModuleList, tail: Tail) -> Self:
        """Return a network made of existing parts, which are shared, not copied."""
        network = cls.__new__(cls)
        nn.Module.__init__(network)
        network.spec, network.trunk, network.tail = spec, trunk, tail
        return network

    def forward(self, images: Tensor, keep: Tensor | None = None) -> NetworkOutput:
        """Run the network.

        Args:
            images: (B, in_channels, H, W) as ``to_input`` makes them.
            keep: M_{t-1}, (B, C, h, w) bool: cells of the map that the logits may see; None: all.
        """
        output: NetworkOutput = self.tail(run_stages(self.trunk, Features(images)), keep)
        return output


def run_stages(stages: nn.ModuleList, start: Features, first_stage: int = 0) -> Features:
    """Apply consecutive backbone stages, the first of which has index ``first_stage`` in the whole backbone."""
    last, stride_16 = start
    for index, stage in enumerate(stages, first_stage):
        last = stage(last)
        stride_16 = last if index == _STRIDE_16 else stride_16
    return Features(last, stride_16)


def to_input(images: Tensor, network: NetworkSpec) -> Tensor:
    """Make network input of grey films, on whatever device they are.

    Args:
        images: uint8 (B, H, W).
        network: says mean, standard deviation (of the grey value in [0, 1]) and channels.

    Returns:
        float32 (B, in_channels, H, W).
    """
    grey = (images.float() / 255 - network.mean) / network.std
    return grey[:, None].expand(-1, network.in_channels, -1, -1)


def _average(features: Tensor) -> Tensor:
    """Global average pooling in float32: (B, D, h, w) to (B, D)."""
    return features.float().mean((-2, -1))
