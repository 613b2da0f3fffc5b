"""The reference in ``docs/reference.md``: tables, questions, settings and commands, from where each is defined.

``python -m flows.reference`` prints it; ``make reference`` writes it. A test compares the page with what this prints.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from flows.cli import app
from flows.service.spec import ServiceSpec
from harvest.config import HarvestConfig
from harvest.questions import questions
from harvest.store import describe_relations
from models.spec import BundleSpec

Parameter = TyperArgument | TyperOption
INTRODUCTION = """# Reference

Made by `make reference` from column comments, question headers, settings and commands; do not edit by hand."""


def render_reference() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION, "\n## Tables and views", *_relations(), "\n## Questions", *_questions()]
    parts += [
        "\n## Settings of a run",
        "\nA TOML file for `--config`; a section is a table of it.",
        *_settings(HarvestConfig),
    ]
    parts += [
        "\n## Settings of a service",
        "\nThe TOML file of `iam-harvest serve` and `deploy`; relative paths are taken from its directory.",
        *_settings(ServiceSpec),
    ]
    parts += ["\n## Settings of a bundle", "\nThe fields of `bundle.json`.", *_settings(BundleSpec)]
    parts += ["\n## Commands", *_commands()]
    return "\n".join(parts) + "\n"


def _relations() -> Iterator[str]:
    for relation in describe_relations():
        yield f"\n### {relation.name}\n\n{relation.text}\n"
        yield from _table(("column", "type", "meaning"), relation.columns)


def _questions() -> Iterator[str]:
    for question in questions().values():
        yield f"\n### {question.name}\n\n{question.text} {question.grain[:1].upper()}{question.grain[1:]}.\n"
        if question.parameters:
            rows = [(one.name, one.kind, one.default or "", one.meaning) for one in question.parameters]
            yield from _table(("parameter", "kind", "default", "meaning"), rows)
            yield ""
        yield f"Reads {question.reads}."


def _settings(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Yield the fields of a model, then each model among them as a section of its own."""
    nested: list[tuple[str, type[BaseModel]]] = []
    rows = []
    texts = _docstrings(model)
    for name, field in model.model_fields.items():
        inner = _model_of(field.annotation)
        if inner is None:
            rows.append((name, _type_name(field.annotation), _default(field.default), texts.get(name, "")))
        else:
            nested.append((f"{section}.{name}".lstrip("."), inner))
    if rows:
        yield f"\n### {section or 'without a section'}\n\n{inspect.getdoc(model) if section else ''}\n".replace(
            "\n\n\n", "\n"
        )
        yield from _table(("setting", "type", "default", "meaning"), rows)
    for name, inner in nested:
        yield from _settings(inner, name)


def _commands() -> Iterator[str]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in sorted(group.commands.items()):
        assert isinstance(command, TyperCommand)
        context = typer.Context(command, info_name=f"iam-harvest {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"\n### iam-harvest {name}\n\n{inspect.cleandoc(command.help or '')}\n\n    iam-harvest {name} {usage}\n"
        rows = [
            (_parameter_name(one), _click_default(one, context), getattr(one, "help", None) or "")
            for one in command.params
            if isinstance(one, Parameter)
        ]
        yield from _table(("argument or option", "default", "meaning"), [row for row in rows if row[0] != "--help"])


def _parameter_name(parameter: Parameter) -> str:
    if isinstance(parameter, TyperArgument):
        return (parameter.metavar or parameter.name or "").upper()
    return ", ".join(parameter.opts)


def _click_default(parameter: Parameter, context: typer.Context) -> str:
    default = parameter.get_default(context)
    return "" if default is None or default is False else str(default)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the string that stands below each field of a model's source."""
    (body,) = (
        node.body
        for node in ast.parse(textwrap.dedent(inspect.getsource(model))).body
        if isinstance(node, ast.ClassDef)
    )
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = str(text.value.value)
    return found


def _model_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type, as pydantic holds it
    """Return the model that an annotation is or holds (as the values of a dict)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _type_name(annotation: Any) -> str:  # noqa: ANN401 - a type, as pydantic holds it
    text = annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    return text.replace("typing.", "")


def _default(value: object) -> str:
    return "" if value is PydanticUndefined or value is None else f"`{value!r}`"


if __name__ == "__main__":
    print(render_reference(), end="")
