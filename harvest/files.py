"""Files that appear whole: written beside under a temporary name, synced, renamed."""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp-"
"""How names of files begin that are not finished."""
MARKER = "lake.json"
"""By which a folder is known as a lake."""


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file so that it appears whole."""
    temporary = path.with_name(TEMPORARY + path.name)
    temporary.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    replace_durably(temporary, path)


def replace_durably(temporary: Path, path: Path) -> None:
    """Sync a finished file, give it its name, and sync the folder."""
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(folder: Path) -> None:
    """Remove a folder at once, also while others write into it; they find out when they name it again."""
    if folder.exists():
        gone = folder.rename(folder.with_name(f"{TEMPORARY}{secrets.token_hex(4)}"))
        shutil.rmtree(gone, ignore_errors=True)
