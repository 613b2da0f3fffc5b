"""docs/archives.md runs as it stands, section by section, real servers included."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "archives.md").read_text(encoding="utf-8")
NEEDED = {
    "DICOMDIR": "dcmmkdir",
    "PACS": "Orthanc",
    "List of UIDs": "Orthanc",
    "Inbox": "dcmsend",
    "Azure": "azurite-blob",
}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each section's title and lines."""
    for section in PAGE.split("\n## ")[1:]:
        title, text = section.split("\n", 1)
        if lines := re.findall(r"^ {4}(.+)$", text, re.MULTILINE):
            yield title, lines


def can_run(title: str) -> bool:
    return all(shutil.which(program) for name, program in NEEDED.items() if title.startswith(name))


@pytest.mark.services
@pytest.mark.usefixtures("shipped_demo")
def test_every_way_to_reach_an_archive_runs_as_shown(shell: Any) -> None:
    settings = re.search(r"^```json\n// (\S+)\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert settings is not None
    Path(settings[1]).write_text(shell.with_free_ports(settings[2]))
    expected = set()
    for title, lines in commands():
        if can_run(title):
            expected |= {name for name in re.findall(r"--out (\S+)", "\n".join(lines)) if "://" not in name}
            for line in lines:
                shell.run(line)
    assert len(expected) >= 5
    assert {path.parent.name for path in Path().glob("*/harvest.duckdb")} == expected
