"""The prepared questions of ``sql/analysis``: what each asks, its parameters, and the answer from a lake."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from harvest.errors import QuestionError
from harvest.sql_files import read_sql
from harvest.store import query
from models.findings import canonical_finding

_PARAMETER = re.compile(r"(?P<name>\w+) \((?P<kind>\w+)(?:, default (?P<default>[^)]*))?\): (?P<meaning>.+)")
_HEADER = re.compile(r"^-- (Question|Grain|Parameters|Reads): (.+)$", re.MULTILINE)
_CONTINUED = re.compile(r"\n--  +")
"""A header's long line goes on in the next one, indented."""
_KINDS: dict[str, Callable[[str], str | int | float]] = {"text": str, "integer": int, "number": float}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a question.

    Attributes:
        kind: ``text``, ``integer`` or ``number``.
        default: as written in the header; None where a value must be given.
    """

    name: str
    kind: str
    default: str | None
    meaning: str

    def read(self, text: str) -> str | int | float:
        """Return a value of the parameter's kind; a finding may be written in any known spelling.

        Raises:
            QuestionError: the text is none.
            UnknownFindingError: there is no such finding.
        """
        if self.name == "finding" and text != self.default:
            return canonical_finding(text)
        try:
            return _KINDS[self.kind](text)
        except ValueError:
            raise QuestionError(f"Parameter {self.name} is of kind {self.kind}; {text!r} is not.") from None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, as the header of its file describes it.

    Attributes:
        text: what is asked.
        grain: what one row of the answer is.
        reads: views and tables, in words.
        sql: one SELECT with ``$name`` for each parameter.
    """

    name: str
    text: str
    grain: str
    parameters: tuple[Parameter, ...]
    reads: str
    sql: str


def questions() -> dict[str, Question]:
    """Return every question by name, in order of name."""
    return {name: _read_question(name, sql) for name, sql in sorted(read_sql("analysis").items())}


def run_question(root: Path, name: str, given: Mapping[str, str]) -> pa.Table:
    """Return a lake's answer to a question.

    Args:
        root: directory of the lake.
        name: of the question.
        given: parameters as text; the others take their defaults.

    Raises:
        QuestionError: question or parameter is unknown, or a value is missing or of the wrong kind.
        LakeError: there is no snapshot.
    """
    known = questions()
    if name not in known:
        raise QuestionError(f"There is no question {name!r}. Known questions: {', '.join(known)}.")
    question = known[name]
    return query(root, question.sql, _values(question, given))


def _values(question: Question, given: Mapping[str, str]) -> dict[str, str | int | float]:
    names = [parameter.name for parameter in question.parameters]
    unknown = sorted(set(given) - set(names))
    if unknown:
        takes = ", ".join(names) or "none"
        raise QuestionError(f"Question {question.name} has no parameter {unknown[0]!r}. Its parameters: {takes}.")
    texts = {parameter.name: given.get(parameter.name, parameter.default) for parameter in question.parameters}
    for name, text in texts.items():
        if text is None:
            raise QuestionError(f"Question {question.name} needs a value: {name}=...")
    return {parameter.name: parameter.read(str(texts[parameter.name])) for parameter in question.parameters}


def _read_question(name: str, sql: str) -> Question:
    header = dict(_HEADER.findall(_CONTINUED.sub(" ", sql)))
    parameters = tuple(
        Parameter(**match.groupdict())
        for part in header["Parameters"].split("; ")
        if (match := _PARAMETER.fullmatch(part.strip()))
    )
    return Question(name, header["Question"], header["Grain"], parameters, header["Reads"], sql)
