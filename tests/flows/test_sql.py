"""``sql`` lists the prepared questions, asks them, and runs a statement of the user's own."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest

from harvest.questions import questions
from harvest.run import RunRequest, run_harvest

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def lake(small_archive: Path, tiny_bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lakes") / "lake"
    run_harvest(RunRequest(str(small_archive), str(tiny_bundle_path), root))
    return root


def test_questions_are_listed_with_their_parameters(cli: Cli, lake: Path) -> None:
    outcome = cli("sql", lake)
    assert outcome.code == 0
    for question in questions().values():
        assert question.text in outcome.out
        assert question.grain in outcome.out


@pytest.mark.parametrize("name", sorted(questions()))
def test_every_question_has_an_answer(cli: Cli, lake: Path, name: str) -> None:
    outcome = cli("sql", lake, name, "--json", "-")
    assert (outcome.code, outcome.err) == (0, "")
    assert isinstance(json.loads(outcome.out), list)


def test_parameters_reach_the_question(cli: Cli, lake: Path) -> None:
    rows = list(
        csv.DictReader(
            io.StringIO(cli("sql", lake, "films_with_finding", "limit=3", "finding=Nodule", "--csv", "-").out)
        )
    )
    assert len(rows) == 3
    assert float(rows[0]["probability"]) >= float(rows[-1]["probability"])


def test_answers_are_written_to_files(cli: Cli, lake: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.csv", "a.parquet", "a.json")]
    query = "SELECT state, count(*) AS films FROM instances GROUP BY state ORDER BY state"
    outcome = cli("sql", lake, "--query", query, "--csv", files[0], "--parquet", files[1], "--json", files[2])
    assert (outcome.code, outcome.out) == (0, "")
    rows = json.loads(files[2].read_text())
    assert sum(row["films"] for row in rows) == 11
    assert pq.read_table(files[1]).to_pylist() == rows
    assert files[0].read_text().startswith('"state","films"')


def test_an_answer_becomes_a_chart(cli: Cli, lake: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    assert cli("sql", lake, "prevalence_by_view", "--chart", chart).code == 0
    drawn = ElementTree.parse(chart).getroot()
    texts = [text.text or "" for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"share with finding", "Mass · unknown"} <= set(texts)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}rect"))) == 1 + 2 * 14


def test_an_answer_without_numbers_has_no_chart(cli: Cli, lake: Path, tmp_path: Path) -> None:
    outcome = cli("sql", lake, "--query", "SELECT 'a' AS letter", "--chart", tmp_path / "chart.svg")
    assert (outcome.code, outcome.out) == (1, "")
    assert "column of numbers" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["no_such"], "Known questions"),
        (["films_with_finding", "limit=many"], "integer"),
        (["films_with_finding", "colour=red"], "Its parameters: finding, limit"),
        (["films_with_finding", "Mass"], "name=value"),
        (["boxes_per_finding", "--query", "SELECT 1"], "not both"),
        (["--query", "DROP TABLE boxes"], "read-only"),
        (["--query", "SELECT nothing"], "nothing"),
        (["--query", "SELECT * FROM read_csv('/etc/hostname')"], "Permission"),
    ],
)
def test_mistakes_are_told_in_one_sentence(cli: Cli, lake: Path, arguments: list[str], hint: str) -> None:
    outcome = cli("sql", lake, *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert hint in outcome.err
    assert outcome.err.count("\n") <= 1
