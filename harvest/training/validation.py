"""How well a network tells findings apart on the films that were held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

from harvest.evaluation.bootstrap import Estimate, estimate, resample_patients
from harvest.evaluation.discrimination import auc, auc_samples
from harvest.training.batches import iter_batches, plan_in_order
from harvest.training.films import FilmSet
from models.losses import classification_loss
from models.network import FindingNetwork
from models.training import Machine, predict_logits
from models.updates import process_count, process_rank

BATCH = 32


@dataclass(frozen=True, slots=True)
class Validation:
    """Of N held-out films, in their order; no loss where N = 0.

    Attributes:
        loss: plain binary cross-entropy.
        probabilities: (N, C).
        positive: (N, C) asserted findings.
    """

    loss: float | None
    probabilities: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]

    def aucs(self) -> list[float]:
        """Return C areas under the curve, NaN where one group is empty."""
        return [
            auc(self.probabilities[:, column], self.positive[:, column]) for column in range(self.positive.shape[1])
        ]

    def mean_auc(self) -> float | None:
        """Return the mean over the findings that have one."""
        known = [value for value in self.aucs() if not np.isnan(value)]
        return float(np.mean(known)) if known else None

    def auc_estimates(self, patients: Sequence[str]) -> list[Estimate]:
        """Return C areas with 95 % intervals over patients (N identifiers)."""
        names, index = np.unique(np.array(patients, dtype=str), return_inverse=True)
        draws = resample_patients(len(names))
        columns = range(self.positive.shape[1])
        samples = [auc_samples(self.probabilities[:, one], self.positive[:, one], index, draws) for one in columns]
        return [estimate(*both) for both in zip(self.aucs(), samples, strict=True)]


def validate(network: FindingNetwork, films: FilmSet, machine: Machine, workers: int) -> Validation:
    """Run a network over held-out films, whose work all processes share."""
    indices = range(process_rank(), len(films), process_count())
    plan = plan_in_order(indices, BATCH)
    part = predict_logits(network, iter_batches(films, plan, workers), machine)
    logits, labels = (_gather(one, len(films)) for one in part)
    loss = float(classification_loss(logits, labels)) if len(films) else None
    return Validation(loss, torch.sigmoid(logits.double()).numpy(), labels.numpy() > 0)


def _gather(part: torch.Tensor, total: int) -> torch.Tensor:
    """Return all processes' rows, which were dealt out in turn, in their order."""
    processes = process_count()
    if processes == 1:
        return part
    parts: list[torch.Tensor | None] = [None] * processes
    distributed.all_gather_object(parts, part)
    whole = part.new_zeros((total, part.shape[1]))
    for rank, rows in enumerate(parts):
        assert rows is not None
        whole[rank::processes] = rows
    return whole
