"""Settings of a harvest: one frozen model, read from TOML, printed by ``iam-harvest run --help``'s reference.

Only what changes rows enters ``fingerprint``; workers, logging and limits on time do not.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from harvest.errors import SettingsError
from models.spec import BundleSpec, Frozen, Merge, RankBy

GateMode = Literal["probability", "labels", "both"]
Identifiers = Literal["pseudonymize", "keep"]
Runner = Literal["local", "dask", "pool"]
Retrieval = Literal["instance", "frames"]
Settings = TypeVar("Settings", bound=Frozen)

GateReason = Literal["wrong_modality", "wrong_body_part", "wrong_view", "not_a_chest_film", "not_chest_by_pixels"]
"""Reasons of the chest-film gate."""

SCHEMA_VERSION = 2
"""Of the lake; a newer lake is refused. 2: verdicts, flags and pixel_key of instances."""
VIEW = 2
"""Way in which films are brought to the network's size; it goes up when ``harvest.geometry`` gives other pixels."""


class GateConfig(Frozen):
    """Which findings of a film are boxed."""

    mode: GateMode = "probability"
    """probability: at or above the operating point; labels: asserted by the label table; both: either."""


class BoxConfig(Frozen):
    """Overrides of the bundle's box settings; None keeps the bundle's value."""

    thresholds: tuple[float, ...] | None = None
    """Of all findings, each between 0 and 1."""
    merge: Merge | None = None
    """How the iterations are merged."""
    rank_by: RankBy | None = None
    """Order of the boxes of one film and finding."""
    max_boxes: int | None = Field(default=None, ge=1, le=10)
    """Per film and finding."""


class FindingConfig(Frozen):
    """Overrides of the bundle's settings of one finding; None keeps the bundle's value."""

    gate: float | None = Field(default=None, ge=0, le=1)
    """Operating point."""
    thresholds: tuple[float, ...] | None = None
    """At which its attention is cut; goes before ``boxes.thresholds``."""


class EngineConfig(Frozen):
    """How the network runs."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    """bf16: several times faster on processors that multiply it natively, and most boxes move (docs/performance.md);
    auto: bf16 on such processors, else fp32."""
    batch_size: int | None = Field(default=None, ge=1, le=512)
    """Films per forward pass, to which the last one of a shard is padded; None: 4 on a CPU, 64 on a GPU."""
    decode_workers: int = Field(default=2, ge=0, le=64)
    """Processes that read and decode ahead of the network; 0: none, decode here, unprotected from broken decoders."""


class ArchiveConfig(Frozen):
    """How archives behind a server (buckets, DICOMweb) are asked."""

    patience_seconds: float = Field(default=300.0, gt=0)
    """How long a server may be out of reach before the run gives up; it then goes on where it stopped."""
    requests_per_second: float = Field(default=50.0, gt=0)
    """Most requests to a server in a second."""
    retrieval: Retrieval = "instance"
    """How a film is read from DICOMweb. instance: whole, as it is stored; frames: put together from what the server
    tells of it and its frames, for servers that give no whole instances; rows are the same where it tells all."""


class DecodeConfig(Frozen):
    """Limits and rules of decoding."""

    max_bytes: int = Field(default=512 * 2**20, ge=1)
    """Largest file read, bytes."""
    max_pixels: int = Field(default=100_000_000, ge=1)
    """Largest frame, pixels."""
    max_frames: int = Field(default=1024, ge=1)
    """Most frames of one object."""
    min_side: int = Field(default=64, ge=1)
    """Smallest rows or columns, pixels."""
    max_seconds: float = Field(default=60.0, gt=0)
    """Longest time for reading and decoding one object, all frames; then its decoder is killed."""
    max_memory_mib: int = Field(default=1024, ge=256)
    """Private memory of a decoder process, MiB."""
    reduced: bool = False
    """Decode large JPEG 2000, HTJ2K and JPEG films at a lower resolution, not below what the network looks at. Several
    times faster; some boxes change (docs/dicom.md)."""
    include: tuple[GateReason, ...] = ()
    """Reason codes of the chest-film gate to overrule, for example ``wrong_body_part``."""


LABELED_FILMS = DecodeConfig(include=("not_chest_by_pixels",))
"""For films of a label table, which says what they are: the pixel gate has no say."""


class StorageConfig(Frozen):
    """What is stored."""

    attention_above: float = Field(default=0.05, ge=0, le=1)
    """Maps are stored for findings at or above this probability, and always for gated ones."""
    shard_size: int = Field(default=256, ge=1, le=256)
    """Objects per shard."""


class RunnerConfig(Frozen):
    """Which processes compute."""

    kind: Runner = "local"
    """local: this process; dask: workers, by default two on this machine; pool: runs of a service's work pool."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """dask: worker processes to start on this machine. pool: runs that share a harvest, the first one included."""
    address: str | None = None
    """Dask scheduler to use instead, ``tcp://HOST:PORT``."""

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.kind == "local" and (self.workers or self.address):
            raise ValueError("workers and address go with the runner dask")
        if self.kind == "pool" and self.address:
            raise ValueError("address goes with the runner dask; the pool is the service's")
        if self.workers and self.address:
            raise ValueError("give workers to start, or the address of a cluster, not both")
        return self


class HarvestConfig(Frozen):
    """All settings of a harvest; the sections of its TOML file are its fields."""

    identifiers: Identifiers = "pseudonymize"
    """pseudonymize: the public tables hold keyed pseudonyms; keep: the archive's own names and UIDs."""
    max_rejection_rate: float = Field(default=1.0, ge=0, le=1)
    """A run with more rejected objects is aborted; judged after 100 objects."""
    gate: GateConfig = GateConfig()
    boxes: BoxConfig = BoxConfig()
    findings: dict[str, FindingConfig] = Field(default_factory=dict)
    """By finding, for example ``[findings.Mass]`` with ``gate = 0.4``."""
    engine: EngineConfig = EngineConfig()
    archive: ArchiveConfig = ArchiveConfig()
    decode: DecodeConfig = DecodeConfig()
    storage: StorageConfig = StorageConfig()

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read settings from a TOML file; raises like :func:`read_toml`."""
        return read_toml(cls, path)

    def fingerprint(self, model_digest: str, engine: str) -> str:
        """Return 16 hex digits that name everything which decides the rows.

        Args:
            model_digest: of the bundle.
            engine: kind of processor, precision and films per pass (``"cpu-bf16-4"``): rows are equal only within it.
        """
        undecisive: dict[str, bool | set[str]] = {
            "max_rejection_rate": True,
            "archive": True,
            "engine": True,
            "decode": {"max_seconds"},
        }
        deciding = self.model_dump(mode="json", exclude=undecisive)
        if not self.findings:
            del deciding["findings"]  # so that lakes made before there was such a section stay as they are
        text = json.dumps(
            {"schema": SCHEMA_VERSION, "view": VIEW, "model": model_digest, "engine": engine, "config": deciding},
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def apply_overrides(spec: BundleSpec, config: HarvestConfig) -> BundleSpec:
    """Return a bundle's settings with those of a run laid over them.

    Raises:
        SettingsError: a finding is none of the bundle's, or a value is impossible.
    """
    unknown = sorted(set(config.findings) - set(spec.findings))
    if unknown:
        raise SettingsError(f"The model has no finding {unknown[0]!r}. It has: {', '.join(spec.network.findings)}.")
    boxes = config.boxes.model_dump(exclude_none=True)
    common = {"thresholds": boxes.pop("thresholds")} if config.boxes.thresholds else {}
    findings = {}
    for name, one in spec.findings.items():
        own = config.findings[name].model_dump(exclude_none=True) if name in config.findings else {}
        findings[name] = one.model_dump() | common | own
    return checked(BundleSpec, spec.model_dump() | {"findings": findings, "boxes": spec.boxes.model_dump() | boxes})


def checked(model: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Return settings of a kind.

    Raises:
        SettingsError: an unknown key, an impossible value, or some that do not go together (all named).
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"Impossible setting: {describe_validation(error)}.") from error


def read_toml(model: type[Settings], path: Path) -> Settings:
    """Read settings from a TOML file.

    Raises:
        SettingsError: the file is missing, is not TOML, or holds an unknown key or impossible value (all named).
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {describe_validation(error)}") from error


def describe_validation(error: ValidationError) -> str:
    """Say in one line what is wrong with which setting."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors())
