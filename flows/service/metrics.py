"""Figures of a lake's runs for Prometheus: a text file that its node exporter collects; counts and times only."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from shutil import disk_usage

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from harvest.lake import Lake
from harvest.run_record import RunRecord, read_records

PREFIX = "iam_harvest_"


def write_metrics(folder: Path, harvest: str, lake: Path, outcome: str) -> None:
    """Write ``iam_harvest_NAME.prom``, whole.

    Args:
        folder: made where missing.
        harvest: its name, a label of every figure.
        lake: its lake, which need not exist yet.
        outcome: name of the last run's state, as Prefect says it (Completed, Failed ...).
    """
    folder.mkdir(parents=True, exist_ok=True)
    registry = CollectorRegistry()
    records = read_records(Lake(lake))
    figures = _Figures(registry, harvest)
    figures.add("last_outcome", "1: how the last run ended.", {"outcome": outcome}, 1)
    for status, count in Counter(record["status"] for record in records).items():
        figures.add("runs", "Runs of the lake by status.", {"status": status}, count)
    if lake.exists():
        figures.add("free_bytes", "Free space where the lake lies.", {}, disk_usage(lake).free)
    ended = [record for record in records if record["finished_at"]]
    if ended:
        _add_last(figures, max(ended, key=lambda record: str(record["finished_at"])))
    write_to_textfile(str(folder / f"iam_harvest_{harvest}.prom"), registry)


class _Figures:
    """Gauges of one registry, made when they are first used."""

    def __init__(self, registry: CollectorRegistry, harvest: str) -> None:
        self._registry, self._harvest = registry, harvest
        self._gauges: dict[str, Gauge] = {}

    def add(self, name: str, text: str, labels: dict[str, str], value: float) -> None:
        if name not in self._gauges:
            self._gauges[name] = Gauge(PREFIX + name, text, ["harvest", *labels], registry=self._registry)
        self._gauges[name].labels(harvest=self._harvest, **labels).set(value)


def _add_last(figures: _Figures, record: RunRecord) -> None:
    """Add what the run did that ended last and had something to do."""
    ended = datetime.fromisoformat(record["finished_at"]).timestamp()
    figures.add("last_run_timestamp_seconds", "End of the last run that had films to harvest.", {}, ended)
    for state in ("localized", "no_finding", "rejected"):
        figures.add("last_run_instances", "Its instances by state.", {"state": state}, record[state] or 0)
    figures.add("last_run_boxes", "Its boxes.", {}, record["boxes"] or 0)
    figures.add("last_run_rejected_share", "Its rejected instances, share of all.", {}, rejected_share(record))
    if pace := record["pace"]:
        figures.add("last_run_seconds", "Its wall time.", {}, pace["seconds"])


def rejected_share(record: RunRecord) -> float:
    """Return the share of a run's instances that were rejected, 0 where it has none."""
    return float((record["rejected"] or 0) / max(1, record["instances"] or 0))
