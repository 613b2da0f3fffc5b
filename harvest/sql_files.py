"""The files of ``sql/``: one statement each with its comments, named as what it makes or asks."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def read_sql(folder: str) -> dict[str, str]:
    """Return the statements of a folder of ``sql/``, by object name, in the order of the file names."""
    found = sorted(_entries(folder), key=lambda entry: entry.name)
    return {_object_name(entry.name): entry.read_text(encoding="utf-8") for entry in found}


def header_of(sql: str) -> str:
    """Return the comment at the top of a view as text."""
    lines = [line.removeprefix("--").strip() for line in sql.splitlines() if line.startswith("--")]
    return " ".join(lines)


def _entries(folder: str) -> list[Traversable]:
    return [entry for entry in files("sql").joinpath(folder).iterdir() if entry.name.endswith(".sql")]


def _object_name(file_name: str) -> str:
    """Return ``boxes`` of ``030_boxes.sql`` and ``ranks`` of ``ranks.sql``."""
    stem = file_name.removesuffix(".sql")
    number, _, rest = stem.partition("_")
    return rest if number.isdigit() else stem
