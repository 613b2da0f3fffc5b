"""A user's own SQL can read the lake and nothing else, and cannot run for ever."""

from pathlib import Path

import pytest

from harvest.errors import QuestionError
from harvest.store import query


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text("name\nsomebody\n")
    return path


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM sniff_csv('{secret}')",
        "SELECT * FROM sql",
        "SELECT * FROM read_parquet('{secret}')",
        "SELECT * FROM parquet_metadata('{secret}')",
        "SELECT * FROM read_json('{secret}')",
        "SELECT * FROM read_duckdb('{folder}/other.duckdb')",
        "SELECT * FROM query('COPY boxes TO ''{folder}/out.csv''')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "SET enable_external_access = true",
        "RESET memory_limit",
        "PRAGMA enable_profiling = 'json'",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "CREATE TABLE mine AS SELECT 1",
        "DELETE FROM boxes",
        "CHECKPOINT",
        "CALL enable_logging()",
        "EXPLAIN ANALYZE SELECT 1",
        "PREPARE mine AS SELECT 1",
        "WITH gone AS (DELETE FROM boxes RETURNING *) SELECT * FROM gone",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_nothing_but_the_lake_can_be_read_and_nothing_written(known_lake: Path, secret: Path, sql: str) -> None:
    with pytest.raises(QuestionError):
        query(known_lake, sql.format(secret=secret, folder=secret.parent))
    assert list(secret.parent.iterdir()) == [secret]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(1000000) a, range(1000000) b",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "SELECT count(*) FROM range(1000000000000)",
    ],
)
def test_time_is_limited(known_lake: Path, sql: str) -> None:
    with pytest.raises(QuestionError, match=r"longer than 0\.5 s"):
        query(known_lake, sql, timeout_s=0.5)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(repeat('x', 1000000) || i) FROM range(10000) t(i)",
        "SELECT range(1000000000000)",
        "SELECT repeat('x', 1000000000000)",
    ],
)
def test_memory_is_limited(known_lake: Path, sql: str) -> None:
    with pytest.raises(QuestionError, match=r"Out of Memory|supported"):
        query(known_lake, sql)


def test_the_answer_is_limited(known_lake: Path) -> None:
    with pytest.raises(QuestionError, match="larger than 1 GB"):
        query(known_lake, "SELECT i, i AS j, i AS k, i AS l FROM range(1000000000) t(i)")


def test_description_of_a_table_may_be_asked_for(known_lake: Path) -> None:
    columns = query(known_lake, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'boxes'")
    assert "mean_attention" in columns["column_name"].to_pylist()
