"""Where archives lie, by name: private, since a path may tell whose films they are."""

import json
from pathlib import Path

from harvest.files import write_json
from harvest.lake import Lake


def remember_archive(lake: Lake, name: str, location: str) -> None:
    """Note where an archive was when it was last harvested."""
    path = Path(location)
    places = archive_locations(lake) | {name: str(path.resolve()) if path.exists() else location}
    write_json(_file(lake), dict(places))


def archive_locations(lake: Lake) -> dict[str, str]:
    """Return the last known location of every archive, by name."""
    if not _file(lake).exists():
        return {}
    places: dict[str, str] = json.loads(_file(lake).read_text(encoding="utf-8"))
    return places


def _file(lake: Lake) -> Path:
    return lake.private / "archives.json"
