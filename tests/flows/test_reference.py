"""The reference is what the code says today, and says something of everything."""

from pathlib import Path

from flows.cli import app
from flows.reference import render_reference
from harvest.questions import questions
from harvest.store import describe_relations

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_reference(), "run `make reference` and commit the page"


def test_every_relation_says_its_grain_or_purpose_and_every_column_its_meaning() -> None:
    for relation in describe_relations():
        assert relation.text, relation.name
        assert not [name for name, _, meaning in relation.columns if not meaning], relation.name


def test_every_command_and_question_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    commands = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert {f"### iam-harvest {name}" for name in commands} <= set(page.splitlines())
    assert {f"### {name}" for name in questions()} <= set(page.splitlines())
