"""Paths and some numbers of each, in order, in a tenth of the memory that Python's own objects take."""

from collections.abc import Iterable, Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

Row = tuple[str, tuple[int, ...]]
CHUNK = 2**14
PATH = "path"


class PathIndex:
    """Each path once, ascending by code point; of rows with one path the last counts."""

    def __init__(self, rows: Iterable[Row], numbers: int = 0) -> None:
        """Take rows in.

        Args:
            rows: a path, which is valid Unicode, and its numbers (64 bits, signed).
            numbers: how many each has.
        """
        names = [f"n{at}" for at in range(numbers)]
        schema = pa.schema([pa.field(PATH, pa.large_string()), *(pa.field(name, pa.int64()) for name in names)])
        table = pa.Table.from_batches(_batches(iter(rows), schema), schema).combine_chunks()
        order = pc.sort_indices(table, sort_keys=[(PATH, "ascending")])  # stable: of equal paths the last stays last
        paths = table[PATH].take(order).combine_chunks()
        if len(paths) > 1:
            order = order.filter(pa.concat_arrays([pc.not_equal(paths[:-1], paths[1:]), pa.array([True])]))
        del paths
        self._table = table.take(order)

    def __len__(self) -> int:
        """Return how many paths there are."""
        return len(self._table)

    def __iter__(self) -> Iterator[Row]:
        """Yield every path with its numbers."""
        for batch in self._table.to_batches(CHUNK):
            paths, *numbers = (column.to_pylist() for column in batch.columns)
            for at, path in enumerate(paths):
                yield path, tuple(column[at] for column in numbers)

    def find(self, path: str) -> tuple[int, ...] | None:
        """Return the numbers of a path; None where it is none of these."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._table[PATH][middle].as_py() < path:
                low = middle + 1
            else:
                high = middle
        if low == len(self) or self._table[PATH][low].as_py() != path:
            return None
        return tuple(column[low].as_py() for column in self._table.columns[1:])


def _batches(rows: Iterator[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while chunk := list(islice(rows, CHUNK)):
        numbers = zip(*(row[1] for row in chunk), strict=True)
        yield pa.record_batch([[row[0] for row in chunk], *map(list, numbers)], schema=schema)
