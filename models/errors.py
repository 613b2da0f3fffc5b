"""Errors a caller can act on: each has a stable code, and its message says what to do next."""

from collections.abc import Iterable


class IamHarvestError(Exception):
    """Base of every error that this project raises for its user's attention.

    ``code`` is stable (scripts may match it); the message is one or two plain sentences without a traceback's help.
    """

    code = "error"


class UnknownFindingError(IamHarvestError, ValueError):
    """A name is none of the fourteen findings."""

    code = "unknown_finding"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"Unknown finding {name!r}. Known findings: {', '.join(known)}.")


class BundleError(IamHarvestError):
    """A model bundle is missing, incomplete, changed after it was written, or of a newer format."""

    code = "bundle"


class PickleRefusedError(BundleError):
    """A pickled weight file was given where a bundle is expected."""

    code = "pickle_refused"


class SettingsError(IamHarvestError, ValueError):
    """A setting has an unknown name or an impossible value."""

    code = "settings"


class TrainingError(IamHarvestError):
    """Training cannot begin or go on."""

    code = "training"
