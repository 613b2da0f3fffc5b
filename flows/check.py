"""One look at a machine or a lake, and what was seen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One look: its area, what was looked at, whether it is well, and what was seen or should be done."""

    area: str
    name: str
    ok: bool
    detail: str
