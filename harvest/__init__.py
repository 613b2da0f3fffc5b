"""The harvest: archive in, boxes out. ``from harvest import localize`` does one film."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harvest.api import localize as localize

__all__ = ["localize"]


def __getattr__(name: str) -> object:
    """Import the interface for one film when it is asked for: it starts torch, which a command need not wait for."""
    if name == "localize":
        from harvest.api import localize

        return localize
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
