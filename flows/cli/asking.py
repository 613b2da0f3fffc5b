"""What ``sql`` does: list the questions, ask one, and show or write the answer."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console
from rich.table import Table

from flows.cli.bounds import bounded
from harvest.bucket.home import address_of
from harvest.chart import render_chart
from harvest.errors import QuestionError
from harvest.lake import open_lake
from harvest.questions import questions, run_question
from harvest.store import query as run_query

SHOWN_ROWS = 200
STDOUT = Path("-")


def answer(lake: Path, question: str | None, parameters: Iterable[str], query: str | None) -> pa.Table:
    """Ask a question, or SQL.

    Raises:
        QuestionError: both or neither were given, or something about them is wrong.
    """
    open_lake(lake)
    if query is not None and question is not None:
        raise QuestionError("Give a question or --query, not both.")
    if query is None:
        return run_question(lake, str(question), _given(parameters))
    with bounded():
        return run_query(lake, query)


def show_questions(lake: Path) -> None:
    """Print every question with its parameters."""
    open_lake(lake)
    for known in questions().values():
        print(f"{known.name}\n    {known.text}\n    Answer: {known.grain}. Reads: {known.reads}")
        for parameter in known.parameters:
            default = "" if parameter.default is None else f", default {parameter.default}"
            print(f"    {parameter.name}=  {parameter.meaning} ({parameter.kind}{default})")
    print(f"\nAsk one:  iam-harvest sql {address_of(lake)} QUESTION name=value ...")


@dataclass(frozen=True)
class Written:
    """Where an answer goes; ``-`` is stdout. Without any file it is printed as a table."""

    csv: Path | None = None
    parquet: Path | None = None
    json: Path | None = None
    chart: Path | None = None

    def show(self, table: pa.Table) -> None:
        """Write the answer to the files, or print it."""
        writers: list[tuple[Path | None, Callable[[pa.Table, Path], None]]] = [
            (self.csv, _write_csv), (self.parquet, _write_parquet), (self.json, _write_json), (self.chart, _write_chart)
        ]  # fmt: skip
        wanted = [(path, write) for path, write in writers if path is not None]
        for path, write in wanted:
            write(table, path)
        if not wanted:
            _print(table)


def _print(table: pa.Table) -> None:
    shown = Table(*table.column_names)
    for row in table.slice(0, SHOWN_ROWS).to_pylist():
        shown.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(shown)
    if table.num_rows > SHOWN_ROWS:
        print(f"{SHOWN_ROWS} of {table.num_rows:,} rows are shown; --csv FILE writes all.")


def _write_csv(table: pa.Table, path: Path) -> None:
    pyarrow.csv.write_csv(table, sys.stdout.buffer if path == STDOUT else path)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pyarrow.parquet.write_table(table, path)


def _write_json(table: pa.Table, path: Path) -> None:
    text = json.dumps(table.to_pylist(), indent=2, default=str) + "\n"
    if path == STDOUT:
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def _write_chart(table: pa.Table, path: Path) -> None:
    path.write_text(render_chart(table), encoding="utf-8")


def _given(parameters: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for parameter in parameters:
        name, separator, value = parameter.partition("=")
        if not separator:
            raise QuestionError(f"Parameters are written name=value; {parameter!r} is not.")
        pairs[name] = value
    return pairs
