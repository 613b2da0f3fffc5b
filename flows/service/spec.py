"""What a service does, as one TOML file: ``iam-harvest serve SERVICE.toml``. Prefect is not imported here."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator, model_validator

from harvest.bucket.home import is_address
from harvest.config import HarvestConfig, RunnerConfig, read_toml
from harvest.lake_address import folder_to_write
from harvest.receiving.spec import ReceiverSpec
from harvest.request import RunRequest
from models.spec import Frozen

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WINDOW = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"there is no time zone {name!r}; give one such as Europe/Zurich") from error
    return name


Spec = TypeVar("Spec", bound=Frozen)
Zone = Annotated[str, AfterValidator(_known_zone)]


class WatchSpec(Frozen):
    """What is told of runs, and to whom."""

    metrics: Path | None = None
    """Directory of metrics for Prometheus' textfile collector, one file per harvest, written after each run."""
    events: Path | None = None
    """File to which OpenLineage events are appended, one JSON object a line."""
    rejected_above: float = Field(default=1.0, ge=0, le=1)
    """Share of rejected instances of a run above which ``command`` is told."""
    stuck_after: float = Field(default=3600, gt=0)
    """Seconds without a finished shard after which ``command`` is told that a run is stuck."""
    silent_after: float = Field(default=600, ge=90)
    """Seconds without a heartbeat after which Prefect's server calls a run crashed."""
    command: tuple[str, ...] = ()
    """Program and arguments, called with a JSON object on its input when a run failed, crashed, is stuck or rejected
    many."""
    json_logs: bool = False
    """Logs as JSON objects, one a line."""


class ServerSpec(Frozen):
    """Prefect's server; used unless PREFECT_API_URL names one that runs already."""

    host: str = "127.0.0.1"
    """Address to listen on. One that others can reach needs PREFECT_SERVER_API_AUTH_STRING."""
    port: int = Field(default=4200, ge=1, le=65535)
    """Port of API and pages."""
    home: Path = Path("prefect")
    """Directory of its database and settings."""
    database: str | None = None
    """URL of another database, ``postgresql+asyncpg://USER@HOST/NAME``; a password belongs into PGPASSWORD."""
    keep_days: int = Field(default=90, ge=1)
    """Days for which runs, logs and events stay in its database."""


class HarvestSpec(Frozen):
    """One harvest: an archive, a bundle, a lake, and when."""

    archive: str
    """Where the films are: what ``iam-harvest run`` takes."""
    model: str = "demo"
    """Bundle: a directory, or the name of a shipped one."""
    lake: Path | str
    """Directory of the lake, or its address in a bucket; then ``site_key`` is needed."""
    cron: str | None = None
    """When a run starts, as five fields of cron."""
    every: float | None = Field(default=None, ge=10)
    """Or every so many seconds."""
    timezone: Zone = "UTC"
    """Of ``cron`` and ``window``."""
    window: str | None = None
    """Hours in which shards may start, ``22:00-06:00``; then a run stops at the next boundary of a shard, and the run
    after it goes on with the rest."""
    catch_up: bool = True
    """Make up at once, with one run, for what was missed while the service was down; a new service begins at once."""
    labels: Path | None = None
    """Label table (CSV)."""
    site_key: Path | None = None
    """File of the key behind the pseudonyms; by default the lake's own."""
    root: str | None = None
    """Where the paths of a list begin, or the PACS of its UIDs or accession numbers."""
    archive_name: str | None = None
    """Name of the archive; default: its directory's."""
    limit: int | None = Field(default=None, ge=1)
    """Look at the first so many films of the archive only."""
    settings: Path | None = None
    """TOML file of settings, as ``iam-harvest run --config`` takes."""
    runner: RunnerConfig = RunnerConfig()
    """Who computes: ``runner = {kind = "dask", workers = 2}``, or ``{kind = "pool", workers = 2}``: so many runs of the
    pool, wherever its workers are."""

    @field_validator("window")
    @classmethod
    def _are_hours(cls, text: str | None) -> str | None:
        if text is not None and not _WINDOW.fullmatch(text):
            raise ValueError("give hours as 22:00-06:00")
        return text

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.cron and self.every:
            raise ValueError("give cron or every, not both")
        return self

    @model_validator(mode="after")
    def _helpers_see_the_lake(self) -> Self:
        if self.runner.kind == "pool" and is_address(str(self.lake)):
            raise ValueError("the runner pool needs a lake in a directory that all workers see, not in a bucket")
        return self

    def request(self) -> RunRequest:
        """Return what a run of it is asked for.

        Raises:
            SettingsError: the settings file cannot be used.
        """
        config = HarvestConfig.from_toml(self.settings) if self.settings else HarvestConfig()
        names = ("labels", "site_key", "limit", "archive_name", "root", "runner")
        return RunRequest(
            self.archive,
            self.model,
            folder_to_write(str(self.lake)),
            config=config,
            **{name: getattr(self, name) for name in names},
        )


class ServiceSpec(Frozen):
    """A service."""

    pool: str = "harvest"
    """Prefect's work pool."""
    at_once: int = Field(default=1, ge=1, le=64)
    """Harvests at the same time, helpers not counted; the network uses every core, so more than one is for several
    machines."""
    server: ServerSpec = ServerSpec()
    watch: WatchSpec = WatchSpec()
    receiver: ReceiverSpec | None = None
    harvests: dict[str, HarvestSpec] = Field(min_length=1)
    """By name: ``[harvests.NAME]``."""

    @property
    def has_helpers(self) -> bool:
        """Whether runs of the pool help each other."""
        return any(one.runner.kind == "pool" for one in self.harvests.values())

    @model_validator(mode="after")
    def _lakes_have_one_writer(self) -> Self:
        (lake, count), *_ = Counter(one.lake for one in self.harvests.values()).most_common(1)
        if self.at_once > 1 and count > 1:
            raise ValueError(f"{count} harvests write to {lake}, one at a time: at_once must be 1")
        return self

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a service; relative paths are taken from the file's own directory.

        Raises:
            SettingsError: the file is missing, is not TOML, or holds an unknown key or impossible value.
        """
        spec = read_toml(cls, path)
        base = path.resolve().parent
        server = _beside(spec.server, base, ("home",))
        watch = _beside(spec.watch, base, ("metrics", "events"))
        receiver = spec.receiver and _beside(spec.receiver, base, ("inbox",))
        harvests = {name: _harvest_beside(one, base) for name, one in spec.harvests.items()}
        placed = {"server": server, "watch": watch, "receiver": receiver, "harvests": harvests}
        return spec.model_copy(update=placed)


def _harvest_beside(one: HarvestSpec, base: Path) -> HarvestSpec:
    """Archive and lake may be addresses and a model the name of a bundle: these stay as they are."""
    archive = one.archive if "://" in one.archive else str(base / Path(one.archive).expanduser())
    lake = one.lake if is_address(str(one.lake)) else base / one.lake
    model = str(base / one.model) if (base / one.model).is_dir() else one.model
    placed = _beside(one, base, ("labels", "site_key", "settings"))
    return placed.model_copy(update={"archive": archive, "lake": lake, "model": model})


def _beside(spec: Spec, base: Path, names: tuple[str, ...]) -> Spec:
    found = {name: getattr(spec, name) for name in names}
    return spec.model_copy(update={name: base / path for name, path in found.items() if path is not None})
