"""Where the copies of a lake in a bucket lie on this machine: a cache, of which any part may be deleted.

Beside each other in a folder of each address: ``lake``, in which runs work; ``state-N-TOKEN``, what readers see of a
commit; ``objects``, what has been fetched, of which states are made by hard links.
"""

import hashlib
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harvest.errors import SettingsError
from harvest.files import write_json

SCHEMES = ("s3", "az", "gs")
CACHE = "IAM_HARVEST_CACHE"
"""Variable of the environment that names another folder than ``~/.cache/iam-harvest``."""
SITE_KEY = "IAM_HARVEST_SITE_KEY"
"""Variable of the environment that names the file of the site key, for commands without ``--site-key``."""
_NOTE = "bucket.json"
_WORKING = "lake"


@dataclass(frozen=True)
class Home:
    """The folder of one address.

    Attributes:
        mark: random; tells this folder from those of other machines.
    """

    url: str
    folder: Path
    mark: str

    @property
    def working(self) -> Path:
        """The lake in which runs work."""
        return self.folder / _WORKING

    @property
    def objects(self) -> Path:
        """Objects that readers fetched."""
        return self.folder / "objects"


def is_address(location: str) -> bool:
    """Tell the address of a lake in a bucket from a path."""
    return "://" in location


def home_of_address(url: str) -> Home:
    """Return the folder of an address, made where there is none.

    Raises:
        SettingsError: the address is none of a bucket, or holds more than a place.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.netloc:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise SettingsError(f"{url!r} is no place for a lake; give a directory, or the address of a bucket ({known}).")
    if "@" in parts.netloc or parts.query or parts.fragment:  # it is written down; a secret must not be
        raise SettingsError(
            f"The address of a lake in {parts.scheme}:// holds more than a place; give credentials in the environment."
        )
    url = url.rstrip("/")
    folder = _cache() / f"{re.sub(r'[^A-Za-z0-9]+', '-', url)}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / _NOTE).exists():
        write_json(folder / _NOTE, {"url": url, "mark": secrets.token_hex(8)})
    return _read(folder)


def home_of(root: Path) -> Home | None:
    """Return where a lake's folder belongs to; None for a lake that is on disk only."""
    return _read(root.parent) if root.name == _WORKING and (root.parent / _NOTE).exists() else None


def address_of(root: Path) -> str:
    """Return what a user calls a lake: its address where it is in a bucket, else its path."""
    note = root.parent / _NOTE
    return _read(root.parent).url if note.exists() else str(root)


def _read(folder: Path) -> Home:
    note = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
    return Home(note["url"], folder, note["mark"])


def _cache() -> Path:
    if named := os.environ.get(CACHE):
        return Path(named).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "iam-harvest"
