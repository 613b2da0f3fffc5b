"""What trials of reliability share: a small archive, commands in processes of their own, rows to compare."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from harvest.lake import SCHEMAS, open_lake
from harvest.phantom.sketch import sketch_chest
from harvest.verify import verify

ROOT = Path(__file__).parents[1]
HEAD = "| what was done | how often | what came of it |\n| --- | --- | --- |"


def draw(archive: Path, number: int) -> None:
    """Add a film to an archive, whole."""
    archive.mkdir(exist_ok=True)
    picture = archive / f"film{number:04}.png"
    Image.fromarray(sketch_chest(number, 270, 210)).save(archive.parent / picture.name)
    (archive.parent / picture.name).rename(picture)


def rows(lake: Path) -> dict[str, list[str]]:
    """All rows of all tables as text, in order, without ids of run and shard."""
    opened = open_lake(lake)
    prints = sorted({path.stem.split("-")[1] for path in opened.folder("crosswalk").glob("part-*")})
    return {
        name: sorted(
            str({column: value for column, value in row.items() if column not in {"run_id", "shard_id"}})
            for mark in prints
            for row in opened.read_column_set(name, mark, list(schema.names)).to_pylist()
        )
        for name, schema in SCHEMAS.items()
    }


def require_equal(lake: Path, reference: Path) -> None:
    """Make sure that a lake keeps every invariant and has the rows of another one."""
    broken = [check.name for check in verify(lake) if not check.passed]
    assert not broken, broken
    assert rows(lake) == rows(reference), f"{lake} has other rows than a run that was not disturbed"


def committed(lake: Path) -> int:
    """Count the shards of a lake."""
    return len(list((lake / "private" / "crosswalk").glob("part-*")))


def until(condition: Callable[[], object], seconds: float = 600.0) -> None:
    """Wait for something that takes no longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def command(*words: object) -> list[str]:
    """Return ``iam-harvest WORDS`` as a command of this interpreter."""
    return [sys.executable, "-m", "flows", *map(str, words)]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process: this package, one thread, no server but the one that is named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more


def start(words: list[str], log: Path, **more: str) -> "subprocess.Popen[bytes]":
    """Start a process that writes to a log, in the log's directory."""
    with log.open("ab") as file:
        return subprocess.Popen(words, cwd=log.parent, env=environment(**more), stdout=file, stderr=file)
