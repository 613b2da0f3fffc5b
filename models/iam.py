"""Iterative attention mining: T networks, each of which sees what those before it left visible.

``N_1 .. N_T`` share the first stages of the backbone (``NetworkSpec.shared_stages``), which run once per film. At
inference the masks of iteration t come from the maps of N_1 .. N_{t-1} on the same film.
Source: Cai et al., MICCAI 2018, sec. 2.1-2.3, eq. 7 and 8.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from models.attention_mining import Normalisation, erase_component, merge_iterations
from models.errors import SettingsError
from models.network import Features, FindingNetwork, NetworkOutput, Tail, run_stages, to_input
from models.spec import Merge, MiningSpec, NetworkSpec

__all__ = ["IAM", "FindingNetwork", "IAMOutput", "NetworkOutput", "to_input"]


@dataclass(frozen=True, slots=True)
class IAMOutput:
    """What T iterations say of a batch; axes: iteration, film, finding, map row, map column."""

    logits: Tensor
    """float32 (T, B, C), of the erased maps; the probability of a finding is the sigmoid of ``logits[0]``."""
    attention: Tensor
    """H_1 .. H_T, float32 (T, B, C, h, w) after ``MiningSpec.activation``; 0 where erased."""
    keep: Tensor
    """The mask that each iteration saw, M_0 .. M_{T-1}, bool (T, B, C, h, w)."""
    rule: tuple[Merge, Normalisation] = ("normalised", "min-max")
    """How the maps become one."""

    @property
    def merged(self) -> Tensor:
        """H_f, float32 (B, C, h, w)."""
        return merge_iterations(self.attention, self.keep, *self.rule)


class IAM(nn.Module):
    """N_1 .. N_T and the mining between them. New ones start equal, as each is trained from the one before.

    Args:
        network: architecture, T and how many stages are shared.
        mining: how cells are erased.
        merge: how the iterations' maps become H_f.
    """

    def __init__(self, network: NetworkSpec, mining: MiningSpec, merge: Merge = "normalised") -> None:
        super().__init__()
        first = FindingNetwork(network)
        self.spec, self.mining, self.merge = network, mining, merge
        self.trunk = first.trunk
        self.tails = nn.ModuleList([first.tail, *(copy.deepcopy(first.tail) for _ in range(network.iterations - 1))])

    @classmethod
    def from_networks(cls, networks: Sequence[FindingNetwork], mining: MiningSpec, merge: Merge = "normalised") -> Self:
        """Put trained networks together; their parts are shared, not copied. T is their number.

        Raises:
            SettingsError: none is given, or their trunks differ (they must, unless ``shared_stages`` is 0, be equal).
        """
        if not networks:
            raise SettingsError("No network was given. Give N_1 .. N_T, at least one.")
        first = networks[0]
        if not all(_same_trunk(first, other) for other in networks[1:]):
            raise SettingsError(
                "The networks' shared stages differ. Set shared_stages = 0, or freeze them in training."
            )
        model = cls.__new__(cls)
        nn.Module.__init__(model)
        model.spec = first.spec.model_copy(update={"iterations": len(networks)})
        model.mining, model.merge, model.trunk = mining, merge, first.trunk
        model.tails = nn.ModuleList(network.tail for network in networks)
        return model

    def network(self, iteration: int) -> FindingNetwork:
        """Return N_t, ``iteration`` from 1 to T, as a view: training it trains this model in place."""
        return FindingNetwork.of(self.spec, self.trunk, self._tail(iteration))

    def start_from_previous(self, iteration: int) -> None:
        """Give N_t, ``iteration`` from 2 to T, the weights of N_{t-1}."""
        self._tail(iteration).load_state_dict(self._tail(iteration - 1).state_dict())

    def forward(self, images: Tensor) -> IAMOutput:
        """Run all iterations.

        Args:
            images: (B, in_channels, H, W) as ``to_input`` makes them.
        """
        attention, keep, logits = self._iterate(images, len(self.tails))
        return IAMOutput(logits, attention, keep, (self.merge, self.mining.normalisation))

    @torch.no_grad()
    def mask_before(self, images: Tensor, iteration: int) -> Tensor | None:
        """Return M_{t-1}, what N_t may see, ``iteration`` from 1 to T: bool (B, C, h, w), None for N_1 (everything).

        N_1 .. N_{t-1} run in whatever mode they are; in training put them into ``eval`` mode first.
        """
        if iteration == 1:
            return None
        attention, keep, _ = self._iterate(images, iteration - 1)
        return erase_component(attention[-1], keep[-1], self.mining)

    def _iterate(self, images: Tensor, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return H_1 .. H_n, M_0 .. M_{n-1} and the logits of the first n iterations, stacked."""
        trunk = run_stages(self.trunk, Features(images))
        attention, keep, logits = list[Tensor](), list[Tensor](), list[Tensor]()
        for iteration in range(1, iterations + 1):
            tail = self._tail(iteration)
            cams = tail.cams(trunk)
            visible = erase_component(attention[-1], keep[-1], self.mining) if keep else torch.ones_like(cams).bool()
            maps = tail.branches.probabilities(cams) if self.mining.activation == "sigmoid" else cams
            attention.append(maps * visible)
            keep.append(visible)
            logits.append(tail.branches.logits(cams, visible))
        return torch.stack(attention), torch.stack(keep), torch.stack(logits)

    def _tail(self, iteration: int) -> Tail:
        """Return the tail of N_t, ``iteration`` from 1."""
        if not 1 <= iteration <= len(self.tails):
            raise SettingsError(f"There is no iteration {iteration}: this model has iterations 1 to {len(self.tails)}.")
        tail = self.tails[iteration - 1]
        assert isinstance(tail, Tail)
        return tail


def _same_trunk(one: FindingNetwork, other: FindingNetwork) -> bool:
    """Say whether two networks have the same trunk, the very one or one with equal weights."""
    left, right = one.trunk.state_dict(), other.trunk.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
