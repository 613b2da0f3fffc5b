"""What a run has done so far, added up from the summaries of its shards; counts only, no identifier."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harvest.stages import by_duration, duration, total_seconds

if TYPE_CHECKING:
    from harvest.pipeline import ShardSummary


@dataclass
class Tally:
    """Counts and pace of a run.

    Attributes:
        total: objects to harvest.
        objects: harvested so far.
        states: instances by state.
        reasons: rejected instances by reason code.
        findings: boxes by finding.
        seconds: wall time by stage.
    """

    total: int
    objects: int = 0
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def add(self, shard: "ShardSummary") -> None:
        """Count a finished shard."""
        self.objects += shard.objects
        self.states.update(shard.states)
        self.reasons.update(shard.reasons)
        self.findings.update(shard.findings)
        self.seconds = total_seconds((self.seconds, shard.seconds))

    @property
    def rate(self) -> float:
        """Objects per second since the start."""
        return self.objects / max(time.monotonic() - self.started, 1e-9)

    @property
    def percent(self) -> float:
        """Share of the objects that are done, 0 to 100."""
        return 100.0 * self.objects / self.total if self.total else 100.0

    def stages(self) -> list[tuple[str, float]]:
        """Return the stages in words and their seconds, the slowest first."""
        return by_duration(self.seconds)

    @property
    def pace(self) -> str:
        """Objects per second in words, and the slowest stage."""
        return f"{self.rate:.1f} films/s · bottleneck: {self.stages()[0][0]}" if self.seconds else "no pace yet"

    def describe(self) -> str:
        """Say in one line how far the run is."""
        done = f"{self.objects:,} of {self.total:,} films"
        if not self.objects:
            return f"{done} · starting"
        left = (self.total - self.objects) / self.rate
        return f"{done} · {duration(left)} left · {self.pace}"
