"""``iam-harvest sql``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import AskedLake


def sql(
    lake: AskedLake,
    question: Annotated[str | None, typer.Argument(help="Name of a question; without it they are listed.")] = None,
    parameters: Annotated[list[str] | None, typer.Argument(help="Its parameters, as name=value.")] = None,
    query: Annotated[str | None, typer.Option(help="One SQL statement instead of a question.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the answer as CSV to this file; - for stdout.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the answer as Parquet to this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the answer as JSON to this file; - for stdout.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the answer as bars into this SVG file.")] = None,
) -> None:
    """Ask the lake a prepared question, or anything in SQL.

    Example: iam-harvest sql lake films_with_finding finding=Mass limit=5
    """
    from flows.cli.asking import Written, answer, show_questions

    if question is None and query is None:
        show_questions(lake)
    else:
        Written(csv, parquet, json, chart).show(answer(lake, question, parameters or [], query))
