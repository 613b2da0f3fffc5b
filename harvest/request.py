"""What a user asks of a run, and what it did."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from harvest.config import HarvestConfig, RunnerConfig
from harvest.report.request import ReportRequest
from harvest.run_record import RunRecord


@dataclass(frozen=True)
class RunRequest:
    """What a user asks for.

    Attributes:
        archive: directory, packed archive, list of paths or film (``harvest.sources.open_source``).
        model: directory or name of a bundle.
        lake: directory of the lake, made where there is none.
        labels: label table, matched by file stem.
        site_key: file of the key for pseudonyms; by default the lake's own.
        limit: harvest only the first so many objects of the listing.
        archive_name: stands before the relative path wherever an object is named; by default the folder's name.
        root: where the paths of a list begin, or the PACS of its UIDs or accession numbers.
        report: what the report shows, which is made where something was published.
        runner: which processes compute.
    """

    archive: str
    model: str
    lake: Path
    labels: Path | None = None
    config: HarvestConfig = field(default_factory=HarvestConfig)
    site_key: Path | None = None
    limit: int | None = None
    archive_name: str | None = None
    root: str | None = None
    report: ReportRequest = field(default_factory=ReportRequest)
    runner: RunnerConfig = field(default_factory=RunnerConfig)


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Attributes:
        objects: listed.
        harvested: of these, new or changed, as far as the run came.
        record: the run as published; None when there was nothing to do.
    """

    lake: Path
    objects: int
    harvested: int
    states: Counter[str]
    reasons: Counter[str]
    findings: Counter[str]
    seconds: dict[str, float]
    record: RunRecord | None
