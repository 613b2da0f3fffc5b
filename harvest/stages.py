"""The stages of a run in words, and how long they took."""

from collections.abc import Iterable, Mapping

STAGE_WORDS = {"wait_decode": "reading and decoding", "localize": "network", "rows": "rows", "commit": "writing"}
"""Of ``ShardSummary.seconds``. Films are decoded, and go through the network, ahead: the time that is waited counts."""


def total_seconds(each: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up seconds by stage."""
    total: dict[str, float] = {}
    for seconds in each:
        for stage, taken in seconds.items():
            total[stage] = total.get(stage, 0.0) + taken
    return total


def by_duration(seconds: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the stages in words and their seconds, the slowest (the bottleneck) first."""
    ordered = sorted(seconds.items(), key=lambda item: item[1], reverse=True)
    return [(STAGE_WORDS.get(stage, stage), taken) for stage, taken in ordered]


def duration(seconds: float) -> str:
    """Return ``8 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
