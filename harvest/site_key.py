"""The lake's site key: one per lake, its own or a given one."""

from pathlib import Path

from harvest.errors import SettingsError
from harvest.identity import SiteKey
from harvest.lake import Lake


def lake_site_key(lake: Lake, given: Path | None) -> SiteKey:
    """Return the key under which this lake's pseudonyms are made.

    A given key is copied into a new lake, so that later runs need not name it.

    Raises:
        SettingsError: the given file is no key, or differs from the lake's own.
    """
    path = lake.private / "site.key"
    if given is None:
        return SiteKey.load_or_create(path)
    key = SiteKey.from_file(given)
    key.write(path)
    if SiteKey.from_file(path) != key:
        raise SettingsError(f"{given} is not the site key of this lake; leave out --site-key to use the lake's own.")
    return key
