"""Archives in memory, and broken files on purpose: films with some bytes changed, made when they are read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harvest.records import ArchiveObject

MOST_CHANGES = 8
FRONT = (400, 1_000)
"""Bytes at the start, where headers are, that are hit as often as all the rest."""


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """Flip, overwrite, double or remove some bytes, or cut the end off."""
    mutated = bytearray(data)
    for _ in range(random.integers(1, MOST_CHANGES)):
        reach = random.choice([*FRONT, len(mutated)])
        at = int(random.integers(max(1, min(reach, len(mutated)))))
        length = int(random.integers(1, 9))
        kind = random.integers(5)
        if kind == 0 and mutated:
            mutated[at % len(mutated)] ^= 1 << int(random.integers(8))
        elif kind == 1:
            mutated[at : at + length] = random.integers(0, 256, length, dtype=np.uint8).tobytes()
        elif kind == 2:
            mutated[at : at + length] = b"\xff" * length
        elif kind == 3:
            mutated[at:at] = mutated[at : at + 40]
        else:
            del mutated[at : at + length]
    whole = random.random() >= 0.2
    return bytes(mutated if whole else mutated[: random.integers(1, len(mutated) + 1)])


@dataclass(frozen=True)
class MemoryArchive:
    """A source (``harvest.sources.Source``) of files in memory, by path."""

    files: dict[str, bytes]
    name: str = "memory"
    lists_everything: bool = True
    reads_here: bool = False

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every file."""
        return (ArchiveObject(path, len(data), 0) for path, data in sorted(self.files.items()))

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return a file; the limit does not matter for what is in memory already."""
        return self.files[path]


@dataclass(frozen=True)
class MutantArchive:
    """A source (``harvest.sources.Source``) of mutants, equal for equal seeds.

    Attributes:
        originals: files to mutate, by name.
        count: mutants, taken from the originals in turn.
        first: number of the first one; archives of a seed that overlap hold the same mutants there.
    """

    originals: dict[str, bytes]
    count: int
    seed: int = 0
    first: int = 0
    name: str = "mutants"
    lists_everything: bool = True
    reads_here: bool = False

    def iter_objects(self) -> Iterator[ArchiveObject]:
        """Yield every mutant."""
        for number in range(self.first, self.first + self.count):
            path = f"{number:06d}"
            yield ArchiveObject(path, len(self.read_bytes(path, 0)), 0)

    def original_of(self, path: str) -> str:
        """Return the name of the file that a mutant was."""
        return list(self.originals)[int(path) % len(self.originals)]

    def read_bytes(self, path: str, max_bytes: int) -> bytes:
        """Return a mutant; the limit does not matter for files as small as these."""
        return mutate(self.originals[self.original_of(path)], np.random.default_rng([self.seed, int(path)]))
