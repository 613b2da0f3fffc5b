"""One update of an attention mining step: N_t learns from what N_1 .. N_{t-1} left visible, and forgets nothing.

Source: Cai et al., MICCAI 2018, sec. 2.1 and 2.2, eq. 1-6. The masks come from the same changed films that N_t sees;
the stages that all N share are not trained, and run once for N_A and N_B.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from models.iam import IAM
from models.losses import knowledge_loss, knowledge_points, total_loss
from models.network import Features, FindingNetwork, run_stages
from models.precision import mixed_precision
from models.training import Batch, ClassifierStep, Losses
from models.training_spec import Knowledge, MiningPhaseSpec
from models.updates import mean_over_processes


class MiningStep:
    """Losses of N_t.

    Args:
        model: N_1 .. N_t; all but the last make the masks, N_t is trained.
        before: N_A; it is not changed.
        spec: of the mining steps.
        classifier: on N_t; computes L_cls.
        calibration: first batches, on which lambda is found where ``spec.knowledge_ratio`` asks for it.
    """

    def __init__(
        self,
        model: IAM,
        before: FindingNetwork,
        spec: MiningPhaseSpec,
        classifier: ClassifierStep,
        calibration: int = 0,
    ) -> None:
        self.model, self.iteration, self.spec, self.classifier = model, len(model.tails), spec, classifier
        self.network = classifier.network
        self.before = before.eval().requires_grad_(False)
        self.knowledge: Knowledge = knowledge_of(spec, self.iteration)
        self.points = knowledge_points(model.spec, max(spec.frozen_stages, model.spec.shared_stages))
        self.calibration = max(2, calibration) if spec.knowledge_ratio and self.knowledge == "full" else 0
        self.seen = torch.zeros(3)  # batches, and the sums of L_cls and L_KP over the later half of the calibration

    def __call__(self, batch: Batch) -> Losses:
        """Return the losses of a batch whose first ``batch.mined`` films are to be mined."""
        machine = self.classifier.machine
        mined = len(batch.films) if self.knowledge == "none" else batch.mined
        images = machine.to_input(batch.films, self.network)
        with mixed_precision(machine.device, machine.precision):
            keep = self._keep(images, batch.labels.to(machine.device), mined)
            with torch.no_grad():
                trunk = run_stages(self.network.trunk, Features(images))
            output = self.network.tail(trunk, keep)
            known = self._known(trunk, mined) if self.knowledge == "full" else None
        classification = self.classifier.classify(output.logits, batch.labels)
        distance = classification.new_zeros(())
        if known is not None:
            untouched = {name: output.points[name][mined:] for name in self.points}
            distance = knowledge_loss(known, untouched, self.points, self.spec.knowledge_norm)
        weight = self.weight
        self._calibrate(classification, distance)
        return Losses(classification, weight * distance, total_loss(classification, distance, weight))

    @property
    def weight(self) -> float:
        """Lambda of the next batch.

        To reach a ratio, L_KP is first let grow freely, so that its size is known, and lambda stays what is found then.
        (A lambda that followed L_KP would rise without bound as N_B nears N_A, and hold it there.)
        """
        batches, classification, distance = self.seen.tolist()
        if not self.calibration:
            return self.spec.knowledge_weight
        if batches < self.calibration:
            return 0.0
        known = distance > torch.finfo(torch.float32).eps
        return float(self.spec.knowledge_ratio * classification / distance) if known else self.spec.knowledge_weight

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the step remembers between batches."""
        return {"seen": self.seen.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` was called."""
        self.seen = state["seen"].clone()

    @torch.no_grad()
    def _keep(self, images: Tensor, labels: Tensor, mined: int) -> Tensor | None:
        """Return M_{t-1} (B, C, h, w): of the mined films what was left, of the others everything."""
        mask = self.model.mask_before(images[:mined], self.iteration) if mined else None
        if mask is None:
            return None
        if not self.spec.erase_negatives:
            mask = mask | (labels[:mined] == 0)[..., None, None]
        untouched = mask.new_ones((len(images) - mined, *mask.shape[1:]))
        return torch.cat([mask, untouched])

    @torch.no_grad()
    def _known(self, trunk: Features, mined: int) -> Mapping[str, Tensor]:
        """Return the points of N_A on the films that are not mined.

        The whole batch goes through it: another batch size may round differently, and the distance of equal networks
        would not be 0.
        """
        return {name: point[mined:] for name, point in self.before.tail(trunk).points.items()}

    def _calibrate(self, classification: Tensor, distance: Tensor) -> None:
        """Note the size of both terms, over all processes, while lambda is sought."""
        if self.seen[0] < self.calibration:
            later = float(self.seen[0] >= self.calibration // 2)
            both = mean_over_processes(torch.stack([classification.detach(), distance.detach()]).cpu())
            self.seen = self.seen + torch.cat([torch.ones(1), later * both])


def knowledge_of(spec: MiningPhaseSpec, iteration: int) -> Knowledge:
    """Return how step t, which ``first_step`` may except, preserves knowledge."""
    return "vanilla" if iteration == 1 and spec.first_step == "vanilla" else spec.knowledge


def copy_network(network: FindingNetwork) -> FindingNetwork:
    """Return a copy that shares the trunk, which mining never trains, and nothing else."""
    return FindingNetwork.of(network.spec, network.trunk, copy.deepcopy(network.tail))
