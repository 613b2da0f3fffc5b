"""The tutorials, and the README's demonstration, run as they stand, from top to bottom, and print what they show.

Files are written, commands given, Python executed. A block of text is what the command above it prints: words equal,
numbers near, times aside; a line of three dots stands for any lines. On processors of another precision than that of
the pages a box more or less may move a row, so only the first line of a block is compared there.
"""

import re
import shutil
from collections.abc import Iterator
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from harvest.config import EngineConfig
from harvest.engine import cpu_multiplies_bf16, resolve_engine

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs").glob("tutorial-*.md"))
COMMAND = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
BLOCK = re.compile(r"^```(toml|json|python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A(?:#|//) (\S+)\n(.*)", re.DOTALL)
ENGINE_OF_PAGES = "cpu-fp32-4"
"""Of the runs; training computes in bf16 where the processor does."""
NEEDED = {"tutorial-engineer": "Orthanc"}
PROGRAMS = (".venv/bin/", "make ", "Orthanc ", "export ", "for ", "until ")
BY_OTHERS = ("make demo-ui", "make venv")
CHANGING = re.compile(r"[\d.,]+ (?:s|min|h|films/s)\b|Run \d{8}T\S+|\S+/python -m flows|(?:\.venv/bin/)?iam-harvest")
"""Times, names of runs, and how the program itself is called."""
PROGRESS = re.compile(r"^\d+ of \d+ films · .*\n", re.MULTILINE)
"""Where nothing but a file listens; a terminal shows a bar that goes away."""
WORD = re.compile(r"-?\d[\d,]*(?:\.\d+)?|[^\W\d_]\w*")


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """Commands, files, Python and text of a page, as (kind, content), in its order."""
    text = page.read_text(encoding="utf-8")
    found = [(match.start(), "command", match[1]) for match in COMMAND.finditer(BLOCK.sub(blank, text))]
    found += [(match.start(), match[1], match[2]) for match in BLOCK.finditer(text)]
    for _, kind, content in sorted(found):
        if kind != "command" or content.startswith(PROGRAMS):
            yield kind, content


def blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def recipe(line: str) -> str:
    """What ``make WORD`` does, without its set-up."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{line.split()[1]}:.*\n\t@\$\(BIN\)/(.+)$", makefile, re.MULTILINE)
    assert found, line
    return f".venv/bin/{found[1]}"


def lines_of(text: str) -> list[list[str]]:
    """Words and numbers of every line that has any; of a line of dots, the dots."""
    lines = (["..."] if line.strip() == "..." else WORD.findall(CHANGING.sub("", line)) for line in text.splitlines())
    return [line for line in lines if line]


def alike(shown: list[str], printed: list[str]) -> bool:
    return len(shown) == len(printed) and all(map(near, shown, printed))


def near(shown: str, printed: str) -> bool:
    try:
        ours, theirs = (float(word.replace(",", "")) for word in (shown, printed))
    except ValueError:
        return shown == printed
    return isclose(ours, theirs, rel_tol=0.05, abs_tol=0.03 if "." in shown else 1)


def assert_prints(shown: str, printed: str) -> None:
    expected, found = lines_of(shown), lines_of(printed)
    place, skipping = 0, False
    for line in expected:
        if line == ["..."]:
            skipping = True
            continue
        last = len(found) if skipping else place + 1
        place = next((n for n in range(place, last) if n < len(found) and alike(line, found[n])), -1) + 1
        assert place, f"{' '.join(line)!r} is not in:\n{printed}"
        skipping = False
    assert skipping or place == len(found), f"more was printed than is shown:\n{printed}"


@pytest.mark.services
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_prints_what_it_shows(page: Path, shell: Any) -> None:
    if shutil.which(NEEDED.get(page.stem, "bash")) is None:
        pytest.skip(f"{NEEDED[page.stem]} is not installed")
    printed, same_engine = "", resolve_engine(EngineConfig()).name == ENGINE_OF_PAGES and cpu_multiplies_bf16()
    for kind, text in steps(page):
        if kind == "command" and text not in BY_OTHERS:
            printed = PROGRESS.sub("", shell.run(recipe(text) if text.startswith("make ") else text))
        elif kind == "text":
            assert_prints(text if same_engine else f"...\n{text.splitlines()[0]}\n...", printed)
        elif kind == "python":
            exec(compile(text, page.name, "exec"), {})
        elif named := FILE.match(text):
            Path(named[1]).write_text(shell.with_free_ports(named[2]))


def test_what_is_alike_and_what_is_not() -> None:
    assert_prints("| Mass | 20 | .51 |\n...\ntook 3 s\n", "| Mass | 21 | .53 |\nother\n+--+\ntook 40.5 s\n")
    for shown, printed in (("Mass 20", "Mass 30"), ("Mass 20", "Nodule 20"), ("a", "a\nb"), ("a\nb", "a")):
        with pytest.raises(AssertionError):
            assert_prints(shown, printed)
