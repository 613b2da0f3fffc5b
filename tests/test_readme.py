"""Every command in the documentation exists, with the options that are shown."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml

from flows.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:^ {4}|^|`)(?:\.venv/bin/)?iam-harvest ([^`#\n]+)", re.MULTILINE)


def shown() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for match in COMMAND.finditer(page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+(?!\S)", match[1]):
                yield page.name, match[1].strip()


@pytest.mark.parametrize(("page", "line"), sorted(set(shown())))
def test_shown_commands_exist(page: str, line: str) -> None:
    commands = typer.main.get_command(app).commands
    name, *words = shlex.split(line)
    assert name in commands, page
    known = {option for parameter in commands[name].params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_shown_make_words_exist() -> None:
    words = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(code(page)))) <= words, page


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_demonstration_prints_what_the_tutorial_shows() -> None:
    """The analyst's tutorial is run, and prints what it shows."""
    readme, tutorial = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/tutorial-analyst.md"))
    shown = re.search(r"ends with:\n\n((?: {4}.+\n)+)", readme)
    printed = re.search(r"^```text\n(.*?)^```", tutorial, re.MULTILINE | re.DOTALL)
    assert shown
    assert printed
    assert shown[1].split() == printed[1].split()


def test_hooks_are_the_linters_of_make_lint() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    lint = re.search(r"^lint:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert lint
    run = {hook["entry"].removeprefix(".venv/bin/").removesuffix(" --fix") for hook in hooks}
    assert run == {re.sub(r"( --check| \.| sql)+$", "", line) for line in re.findall(r"\$\(BIN\)/(.+)", lint[1])}


def code(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"`[^`\n]+`|^ {4}.+$", text, re.MULTILINE)
