"""An answer as a picture: bars in SVG, one panel for each column of numbers, one line for each row."""

from dataclasses import dataclass

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined

from harvest.errors import QuestionError

MOST_ROWS = 60
MOST_PANELS = 4
NAMES = (
    "finding",
    "study_year",
    "study_month",
    "age_from",
    "age_below",
    "number_of_findings",
    "days_since_first_study",
)
"""Columns that say what a row is about although they hold numbers."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it starts and how long it is (shares of the panel), and its value as text."""

    start: float
    length: float
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The bars of one column; None where it has no value."""

    title: str
    bars: tuple[Bar | None, ...]


def render_chart(table: pa.Table) -> str:
    """Return an answer as SVG.

    Raises:
        QuestionError: there is no row, or no column of numbers.
    """
    shown = table.slice(0, MOST_ROWS)
    numbers = [name for name in table.column_names if _is_number(table, name)][:MOST_PANELS]
    if not numbers or not table.num_rows:
        raise QuestionError("A chart needs rows and a column of numbers; look at the answer as a table.")
    names = [name for name in table.column_names if name in NAMES or not _is_measured(table, name)]
    labels = [" · ".join(str(row[name]) for name in names if row[name] is not None) for row in shown.to_pylist()]
    panels = [_panel(name, shown[name].to_pylist()) for name in numbers]
    environment = Environment(loader=PackageLoader("harvest"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("chart.svg").render(
        labels=labels, panels=panels, more=table.num_rows - shown.num_rows, longest=max(map(len, labels))
    )


def _is_measured(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_number(table: pa.Table, name: str) -> bool:
    return name not in NAMES and _is_measured(table, name)


def _panel(title: str, values: list[float | None]) -> Panel:
    known = [float(value) for value in values if value is not None]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    spread = (high - low) or 1.0
    bars = [
        None
        if value is None
        else Bar((min(float(value), 0.0) - low) / spread, abs(float(value)) / spread, f"{value:,}")
        for value in values
    ]
    return Panel(title, tuple(bars))
