"""The house keeps its measures: sizes of files and functions, and no word that has no business here."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "harvest", "models")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
COMMANDS = ROOT / "flows" / "cli"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def is_command(path: Path, function: Function) -> bool:
    """A command's parameters are its options, however many."""
    return path.parent == COMMANDS and function.name == path.stem.rstrip("_")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=name)
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_short_and_take_few_parameters(path: Path) -> None:
    for function in functions(path):
        assert body_lines(function) <= 40, f"{function.name} is too long"
        assert parameters(function) <= 5 or is_command(path, function), f"{function.name} takes too many parameters"


def test_most_functions_are_very_short() -> None:
    lengths = [body_lines(function) for path in SOURCES for function in functions(path)]
    assert median(lengths) <= 12
    assert quantiles(lengths, n=10)[-1] <= 30


def test_command_bodies_only_delegate() -> None:
    long = {
        name(path): body_lines(function)
        for path in COMMANDS.glob("*.py")
        for function in functions(path)
        if is_command(path, function) and body_lines(function) > 8
    }
    assert not long


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def readable_lines(path: str) -> Iterator[str]:
    try:
        yield from (ROOT / path).read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, FileNotFoundError):
        return  # weights and pictures, or a file about to be deleted


FORBIDDEN = re.compile(
    r"(?<![\w.])/(work|tmp|home|root|opt)/|\.\./shared|claude|chatgpt|copilot|anthropic|openai|pythonhosted|pypi\.org"
    r"|\bTODO\b|\bFIXME\b|pragma: no cover",
    re.IGNORECASE,
)


def test_nothing_names_a_machine_a_registry_or_a_loose_end() -> None:
    allowed = {".ci/run", "tests/test_architecture.py"}
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in tracked_files()
        if path not in allowed
        for number, line in enumerate(readable_lines(path), start=1)
        if FORBIDDEN.search(line)
    ]
    assert not found
