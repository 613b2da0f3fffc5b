"""Bounds that hold for SQL which heeds none of DuckDB's own: in a process of its own, since it is ended."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from harvest.lake import SNAPSHOT

SCRIPT = """
import sys
from pathlib import Path
from flows.cli.bounds import bounded
from harvest.errors import QuestionError
from harvest.store import query
try:
    with bounded(seconds=float(sys.argv[3]), memory=2**29):
        print(query(Path(sys.argv[1]), sys.argv[2], timeout_s=float(sys.argv[3]) / 2).to_pylist())
except QuestionError as error:
    sys.exit(str(error))
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    duckdb.connect(root / SNAPSHOT).close()
    return root


def ask(lake: Path, sql: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, str(lake), sql, str(seconds)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_is_modest_is_answered(lake: Path) -> None:
    done = ask(lake, "SELECT sum(i)::INT AS total FROM range(1000) t(i)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[{'total': 499500}]\n", "")


def test_a_function_that_heeds_no_interrupt_is_ended(lake: Path) -> None:
    done = ask(lake, "SELECT levenshtein(repeat('a', 500000), repeat('b', 500000))", seconds=2)
    assert (done.returncode, done.stdout) == (1, "")
    assert "did not heed its limit of time" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT len(range(4000000000))",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT damerau_levenshtein(repeat('a', 12000), repeat('b', 12000))",
    ],
)
def test_memory_that_duckdb_does_not_count_is_bounded(lake: Path, sql: str) -> None:
    done = ask(lake, sql)
    assert (done.returncode, done.stdout) == (1, "")
    assert "emory" in done.stderr
    assert done.stderr.count("\n") == 1
