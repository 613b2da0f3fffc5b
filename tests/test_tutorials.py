"""The tutorials run as they stand, from top to bottom: files are written, commands given, Python executed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app

DOCS = Path(__file__).parents[1] / "docs"
COMMAND = re.compile(r"^ {4}\.venv/bin/iam-harvest (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```(toml|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """Commands, settings files and Python of a page, as (kind, text), in its order."""
    text = page.read_text(encoding="utf-8")
    found = [(match.start(), "command", match[1]) for match in COMMAND.finditer(text)]
    found += [(match.start(), match[1], match[2]) for match in BLOCK.finditer(text)]
    yield from ((kind, content) for _, kind, content in sorted(found))


@pytest.mark.usefixtures("shipped_demo")
@pytest.mark.parametrize("page", sorted(DOCS.glob("tutorial-*.md")), ids=lambda page: page.stem)
def test_a_tutorial_runs_as_it_stands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    for kind, text in steps(page):
        if kind == "command":
            outcome = CliRunner().invoke(app, shlex.split(text))
            assert outcome.exit_code == 0, f"{text}\n{outcome.output}\n{outcome.exception}"
        elif kind == "toml":
            (home / text.split()[1]).write_text(text)
        else:
            exec(compile(text, page.name, "exec"), {})
