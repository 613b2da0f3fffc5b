"""The site key of a lake in a bucket: on this machine, never there; and what the bucket says of it."""

import json
import os
from pathlib import Path

from harvest.bucket.home import SITE_KEY, Home
from harvest.bucket.log import FORMAT, FORMAT_FILE
from harvest.bucket.seal import Seal
from harvest.bucket.store import Bucket
from harvest.errors import NewerLakeError, SettingsError
from harvest.identity import SiteKey


def known_key(home: Home, given: Path | None = None) -> SiteKey | None:
    """Return the key that was given, that of the environment, or that of an earlier run on this machine; None: none.

    Raises:
        SettingsError: a file that was named is missing or no key.
    """
    if named := given or os.environ.get(SITE_KEY):
        return SiteKey.from_file(Path(named).expanduser())
    kept = _kept(home.working)
    return SiteKey.from_file(kept) if kept.exists() else None


def keep_key(root: Path, key: SiteKey) -> None:
    """Keep a key in a folder of its lake, where that of a lake on disk is kept."""
    path = _kept(root)
    if path.exists() and SiteKey.from_file(path) != key:
        path.unlink()
    key.write(path)


def state_format(seal: Seal) -> bytes:
    """Return what a bucket says of its lake."""
    return json.dumps({"format": FORMAT, "site_key": seal.check}).encode()


def require_lake_key(bucket: Bucket, seal: Seal) -> None:
    """Make sure that a lake, if there is one, is sealed under a key.

    Raises:
        NewerLakeError: a newer version wrote it.
        SettingsError: it is sealed under another one.
    """
    content = bucket.get(FORMAT_FILE)
    if content is None:
        return
    told = json.loads(content)
    if told["format"] > FORMAT:
        raise NewerLakeError(f"A newer version wrote the lake at {bucket.url!r}: upgrade iam-harvest.")
    if told["site_key"] != seal.check:
        raise SettingsError(f"This is not the site key of the lake at {bucket.url!r}; give the one it was made with.")


def _kept(root: Path) -> Path:
    return root / "private" / "site.key"
