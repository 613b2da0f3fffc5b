"""Answers of a lake's snapshot to the queries of ``sql/report``."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harvest.sql_files import read_sql
from harvest.store import query

Row = dict[str, Any]
Counts = npt.NDArray[np.int64]


def ask(root: Path, name: str, **parameters: object) -> list[Row]:
    """Return the rows of a query of ``sql/report``."""
    rows: list[Row] = query(root, read_sql("report")[name], parameters).to_pylist()
    return rows
