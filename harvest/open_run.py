"""What is shared by those who compute the shards of a run: what they need of it, and what they offer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from harvest.forgotten import Forgotten
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.manifest import Plan, Shard
from harvest.request import RunRequest

if TYPE_CHECKING:
    from harvest.pipeline import HarvestContext, ShardSummary

Harvest = Callable[[Shard], "ShardSummary"]
"""Computes and commits a shard; repeated, it replaces the shard's rows."""

Summon = Callable[[str], None]
"""Asks helpers to come, by the name of the work that they are to share; it may fail to, but does not raise."""


class OpenRun(Protocol):
    """A run whose plan is made: a :class:`harvest.run.Session`."""

    request: RunRequest
    lake: Lake
    keys: RunKeys
    forgotten: Forgotten
    plan: Plan

    def context(self) -> "HarvestContext":
        """Load the network, in this process."""
        ...
