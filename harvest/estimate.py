"""How long a run would take, measured on a few of its films; nothing of it stays."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from harvest.lake import writing
from harvest.manifest import Plan, Shard
from harvest.records import ArchiveObject
from harvest.run import Session

FILMS = 32
"""Harvested for an estimate: enough to keep several cores busy."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was measured.

    Attributes:
        films: harvested for it.
        rate: films per second, the network being loaded.
        seconds: for all films of the plan at that rate.
    """

    films: int
    rate: float
    seconds: float


def estimate(session: Session) -> Estimate | None:
    """Harvest some films, spread over the plan, into a lake that is thrown away; None when nothing is new.

    One film goes before, unmeasured: the first pass through a network is slower than all later ones.
    """
    films = spread(session.plan, FILMS)
    if not films:
        return None
    from harvest.pipeline import harvest_shard

    context = session.context()
    with TemporaryDirectory() as place, writing(Path(place) / "lake") as lake:
        context = replace(context, lake=lake)
        harvest_shard(Shard("first", films[:1]), context)
        measured = harvest_shard(Shard("measured", films), context)
    rate = len(films) / sum(measured.seconds.values())
    return Estimate(len(films), rate, session.plan.pending / rate)


def spread(plan: Plan, count: int) -> tuple[ArchiveObject, ...]:
    """Return up to ``count`` objects at even distances, in the plan's order."""
    objects = [one for shard in plan.shards for one in shard.objects]
    step = max(1, len(objects) / count)
    return tuple(objects[int(number * step)] for number in range(min(count, len(objects))))
