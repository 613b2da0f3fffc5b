"""Columns of the ledger as rows, without holding all of them as Python objects at once."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_AT_ONCE = 4096


def iter_rows(columns: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield every row, made a few thousand at a time."""
    for batch in columns.to_batches(max_chunksize=_AT_ONCE):
        yield from batch.to_pylist()


def give_back_columns() -> None:
    """Give memory that columns took, and are done with, back to the system; Arrow would keep it for others."""
    pa.default_memory_pool().release_unused()
