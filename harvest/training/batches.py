"""Which films each batch of an epoch holds, and their random seeds: decided by seed, phase and epoch alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from harvest.training.films import FilmSet, Key
from models.training import Batch

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """Keys of a batch's films; the first ``mined`` are to be mined."""

    keys: list[Key]
    mined: int


@dataclass(frozen=True, slots=True)
class Composition:
    """What batches are made of.

    Attributes:
        films: number of films to draw from.
        size: of a batch, N.
        mined: indices of films to be mined.
        mined_size: how many of them stand first in each batch, n.
        batches: per epoch; 0: as many whole ones as show every film once.
    """

    films: int
    size: int
    mined: tuple[int, ...] = ()
    mined_size: int = 0
    batches: int = 0

    @property
    def batch_count(self) -> int:
        """Batches per epoch, at least one."""
        return self.batches or max(1, self.films // max(1, self._ordinary_size))

    @property
    def _ordinary_size(self) -> int:
        return min(self.size, self.films) - self._mined_size

    @property
    def _mined_size(self) -> int:
        return min(self.mined_size, self.size) if self.mined else 0

    def plan(self, entropy: Sequence[int]) -> list[PlannedBatch]:
        """Return the batches of one epoch.

        Args:
            entropy: seed, phase, epoch; the same numbers give the same plan.
        """
        generator = np.random.default_rng(list(entropy))
        ordinary = _endless(np.arange(self.films), generator)
        mined = _endless(np.array(self.mined, dtype=np.int64), generator)
        batches = []
        for _ in range(self.batch_count):
            first = list(islice(mined, self._mined_size)) if self._mined_size else []
            rest = list(islice(ordinary, self._ordinary_size))
            seeds = generator.integers(2**62, size=len(first) + len(rest))
            batches.append(PlannedBatch(list(zip(first + rest, map(int, seeds), strict=True)), len(first)))
        return batches


def part_of(batch: PlannedBatch, rank: int, processes: int) -> PlannedBatch:
    """Return one process's part of a batch; all parts have one size (the rest goes), films to be mined first."""
    whole = len(batch.keys) - len(batch.keys) % processes
    return PlannedBatch(batch.keys[:whole][rank::processes], len(range(rank, min(batch.mined, whole), processes)))


def iter_batches(films: FilmSet, plan: Sequence[PlannedBatch], workers: int) -> Iterator[Batch]:
    """Read the films of planned batches, in order.

    Args:
        films: to read from.
        plan: their keys.
        workers: processes that read ahead; 0: none.
    """
    loader: DataLoader[tuple[torch.Tensor, torch.Tensor]] = DataLoader(
        films,
        batch_sampler=[batch.keys for batch in plan],
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    for batch, (images, labels) in zip(plan, loader, strict=True):
        yield Batch(images, labels, batch.mined)


def plan_in_order(indices: Sequence[int], size: int) -> list[PlannedBatch]:
    """Return batches of unchanged films in the given order, the last perhaps smaller."""
    keys: list[Key] = [(index, None) for index in indices]
    return [PlannedBatch(keys[start : start + size], 0) for start in range(0, len(keys), size)]


def _endless(indices: Integers, generator: np.random.Generator) -> Iterator[int]:
    """Yield all indices in random order, again and again in new orders."""
    while len(indices):
        yield from generator.permutation(indices).tolist()
