"""A lake by what a user calls it: a directory, or an address in a bucket, of which folders here are copies."""

from pathlib import Path

from harvest.bucket.home import home_of_address, is_address


def folder_to_write(location: str) -> Path:
    """Return the folder in which a lake is written, which need not exist yet (``harvest.lake.writing``).

    Raises:
        SettingsError: it is an address, but none of a bucket.
    """
    return home_of_address(location).working if is_address(location) else Path(location)


def folder_to_change(location: str) -> Path:
    """Return the same for a lake that exists.

    Raises:
        LakeError: there is no lake at an address, or it cannot be read.
        SettingsError: its site key is missing.
    """
    folder = folder_to_write(location)
    if is_address(location):
        from harvest.bucket.reading import require_lake
        from harvest.lake import writing

        require_lake(location)
        with writing(folder):
            pass  # the folder now is as the bucket
    return folder


def folder_to_read(location: str) -> Path:
    """Return a folder with a lake; that of an address is its state after the last run that ended, which never changes.

    Raises:
        LakeError: there is no lake at an address, or it cannot be read.
    """
    if not is_address(location):
        return Path(location)
    from harvest.bucket.reading import read_state

    return read_state(location)


def folder_to_query(location: str) -> Path:
    """Return a folder with a lake's snapshot; of an address nothing else is fetched.

    Raises:
        LakeError: there is no lake at an address, or it cannot be read.
    """
    if not is_address(location):
        return Path(location)
    from harvest.bucket.reading import read_state
    from harvest.files import MARKER
    from harvest.lake import SNAPSHOT

    return read_state(location, (MARKER, SNAPSHOT))
