"""What a worker process does for a run: it computes shards, and writes nothing.

What travels to it is plain data; it opens the archive and loads the network itself, once, and keeps both until another
run comes. Two workers give the same rows where they have the same code, requirements, model and engine, so a worker
that differs refuses to work.
"""

import hashlib
import importlib.metadata
import secrets
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from harvest.config import ArchiveConfig, EngineConfig, HarvestConfig
from harvest.engine import resolve_engine
from harvest.errors import WorkerError
from harvest.forgotten import Forgotten
from harvest.keys import RunKeys
from harvest.manifest import Shard
from harvest.sources import Source, open_source
from models.bundle_files import read_bundle_spec, shipped_bundles

if TYPE_CHECKING:
    from harvest.localization import Localizer
    from harvest.open_run import OpenRun
    from harvest.pipeline import ComputedShard

DISTRIBUTION = "iam-harvest"
_one_at_a_time = threading.Lock()
"""A network uses all that its process has."""


@dataclass(frozen=True)
class Passport:
    """What decides the rows that a process computes.

    Attributes:
        package: version, and digest of code and requirements.
        model: digest of the bundle.
        engine: kind of processor and precision.
    """

    package: str
    model: str
    engine: str

    def require(self, other: "Passport", worker: str) -> None:
        """Make sure that a worker computes what this process would.

        Raises:
            WorkerError: it differs; the sentence says in what.
        """
        if other.package != self.package:
            raise WorkerError(
                f"{worker} runs iam-harvest {other.package}, this process {self.package}: its rows could differ. "
                "Install the same version and the same requirements.lock on both, and restart the worker."
            )
        if other.model != self.model:
            raise WorkerError(
                f"{worker} finds another model (digest {other.model[:12]}, here {self.model[:12]}): copy the bundle to "
                "the same path there."
            )
        if other.engine != self.engine:
            raise WorkerError(
                f"{worker} computes as {other.engine}, this process as {self.engine}: their rows differ. Give the "
                "command on a machine of the workers' kind, or set --device and engine.precision to what all have."
            )


@dataclass(frozen=True)
class Job:
    """What a worker must know of a run beside the shard. Shown, it tells nothing: it holds the site key.

    Attributes:
        archive: as ``open_source`` takes it, with its name and root; paths are absolute.
        threads: of the network; None: as many as the worker's processor has cores. They change no row.
        token: of this start of the run; a worker opens the archive anew for another one.
    """

    archive: str = field(repr=False)
    root: str | None = field(repr=False)
    model: str = field(repr=False)
    config: HarvestConfig = field(repr=False)
    keys: RunKeys = field(repr=False)
    forgotten: Forgotten = field(repr=False)
    passport: Passport
    threads: int | None
    token: str


def read_passport(model: str, engine: EngineConfig) -> Passport:
    """Return what decides the rows of this process.

    Raises:
        IamHarvestError: there is no such bundle here, or no such device.
    """
    return Passport(package(), read_bundle_spec(model)[1], resolve_engine(engine).name)


def describe(run: "OpenRun", workers: int) -> Job:
    """Return what workers must know of a run.

    Together they ask a server no more often than one process may. Those that this process starts share its cores.
    """
    import torch

    request, config = run.request, run.request.config
    ours = request.runner.kind == "dask" and not request.runner.address
    archive = config.archive.model_copy(update={"requests_per_second": config.archive.requests_per_second / workers})
    return Job(
        archive=_absolute(request.archive),
        root=request.root and _absolute(request.root),
        model=request.model if request.model in shipped_bundles() else _absolute(request.model),
        config=config.model_copy(update={"archive": archive}),
        keys=run.keys,
        forgotten=run.forgotten,
        passport=read_passport(request.model, config.engine),
        threads=max(1, torch.get_num_threads() // workers) if ours else None,
        token=secrets.token_hex(8),
    )


def compute(shard: Shard, job: Job) -> "ComputedShard":
    """Compute a shard in this process.

    Raises:
        WorkerError: this process would not give the run's rows.
        ArchiveError: the archive cannot be read from here.
    """
    from harvest.pipeline import Workbench, compute_shard

    with _one_at_a_time:
        job.passport.require(read_passport(job.model, job.config.engine), "A worker")
        source = _source(job.token, job.archive, job.keys.archive, job.root, job.config.archive.model_dump_json())
        localizer = _localizer(job.keys.model_digest, job.model, job.config.model_dump_json(), job.threads)
        return compute_shard(shard, Workbench(source, localizer, job.keys, job.config, job.forgotten))


@lru_cache(maxsize=1)
def package() -> str:
    """Return the installed version, and a digest of the code and of the versions of what it needs."""
    seen = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(__file__).parents[1] / "models"):
        for path in sorted(folder.rglob("*.py")):
            seen.update(f"{path.relative_to(folder.parent).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    for requirement in map(Requirement, importlib.metadata.requires(DISTRIBUTION) or []):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            seen.update(f"{requirement.name}=={importlib.metadata.version(requirement.name)}\0".encode())
    return f"{importlib.metadata.version(DISTRIBUTION)} (digest {seen.hexdigest()[:12]})"


@lru_cache(maxsize=1)
def _source(_token: str, archive: str, name: str, root: str | None, config: str) -> Source:
    return open_source(archive, name, root, ArchiveConfig.model_validate_json(config))


@lru_cache(maxsize=1)
def _localizer(_digest: str, model: str, config: str, threads: int | None) -> "Localizer":
    import torch

    from harvest.localization import Localizer
    from harvest.predict import Predictor
    from models.bundle import load_bundle

    if threads is not None:
        torch.set_num_threads(threads)
    settings = HarvestConfig.model_validate_json(config)
    return Localizer(Predictor(load_bundle(model), settings.engine), settings)


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())
