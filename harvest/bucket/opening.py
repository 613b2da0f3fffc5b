"""The copy that belongs to a folder; what talks to buckets is imported only where there is one."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from harvest.bucket.home import home_of

if TYPE_CHECKING:
    from harvest.bucket.working import WorkingCopy


def copy_of(root: Path, site_key: Path | None) -> "AbstractContextManager[WorkingCopy | None]":
    """Open the copy of which a lake's folder is the working one (``working_copy``); nothing for a lake on disk."""
    home = home_of(root)
    if home is None:
        return nullcontext()
    from harvest.bucket.working import working_copy

    return working_copy(home, site_key)
