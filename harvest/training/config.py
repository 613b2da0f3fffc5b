"""Settings of a training: one TOML file, whose sections are the fields here; presets to start from."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from harvest.config import describe_validation
from harvest.errors import SettingsError
from harvest.gates import GateSearch
from harvest.training.presets import PRESETS
from models.spec import BoxSpec, Frozen, MiningSpec, NetworkSpec, WeightPrecision
from models.training_spec import AugmentationSpec, EndToEndSpec, MiningPhaseSpec, PhaseSpec

DEFAULT_PRESET = "small"


class DataSettings(Frozen):
    """Which films, and how they are read."""

    validation_share: float = Field(default=0.15, ge=0, lt=1)
    """[open] share of patients held out; 0: none. The same patients for the same seed, whatever else the table has."""
    validation_splits: tuple[str, ...] = ()
    """Values of ``--split-column`` that are held out instead."""
    cache: Literal["auto", "always", "never"] = "auto"
    """Keep decoded films in a file of the work directory; auto: up to ``cache_bytes``."""
    cache_bytes: int = Field(default=4 * 2**30, ge=0)
    workers: int = Field(default=2, ge=0, le=64)
    """Threads that fill the cache, or processes that read films where there is none; 0: in the main process."""
    positive_weight: Literal["none", "balanced"] = "none"
    """[open] weight of asserted findings in the loss; balanced: films without divided by films with the finding."""
    positive_weight_limit: float = Field(default=20.0, ge=1)
    """Largest such weight."""


class TrainConfig(Frozen):
    """All settings of a training."""

    name: str = "trained"
    """Of the bundle."""
    notes: str = ""
    """Markdown for the model card: attribution, known biases."""
    seed: int = Field(default=0, ge=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the processor multiplies it natively, else fp32."""
    stored_weights: WeightPrecision = "float32"
    """Of the bundle; float16: half the size. Operating points are chosen on the weights as stored."""
    init: str = "random"
    """Initial weights: random, package, download, or a file; ``--init`` goes before it."""
    network: NetworkSpec = NetworkSpec()
    mining: MiningSpec = MiningSpec()
    boxes: BoxSpec = BoxSpec()
    thresholds: tuple[float, ...] = (0.35, 0.5, 0.7)
    """Of every finding's heatmap, until they are chosen on annotated boxes."""
    data: DataSettings = DataSettings()
    augmentation: AugmentationSpec = AugmentationSpec()
    classifier: PhaseSpec = PhaseSpec()
    """Backbone and one branch per finding on its last stage."""
    warm_up: PhaseSpec = PhaseSpec()
    """MSA and branches; everything below is fixed, whatever ``frozen_stages`` says."""
    end_to_end: EndToEndSpec = EndToEndSpec()
    attention_mining: MiningPhaseSpec = MiningPhaseSpec()
    gates: GateSearch = GateSearch()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.classifier.epochs and not self.end_to_end.epochs:
            raise ValueError("one of classifier.epochs and end_to_end.epochs must be above 0")
        if not all(0 < value < 1 for value in self.thresholds) or not self.thresholds:
            raise ValueError("thresholds must be one or more values between 0 and 1")
        return self

    def fingerprint(self, films: str) -> str:
        """Return 16 hex digits that name everything which decides the weights.

        Args:
            films: digest of the films and labels that are trained on.
        """
        deciding = self.model_dump(
            mode="json", exclude={"name": True, "notes": True, "data": {"cache", "cache_bytes", "workers"}}
        )
        text = json.dumps({"films": films, "config": deciding}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_train_config(path: Path | None = None, preset: str | None = None, **values: Any) -> TrainConfig:
    """Read settings: a preset, over it the file, over it ``values``.

    Args:
        path: TOML; may name its preset in the key ``preset``.
        preset: goes before the file's.
        **values: top-level settings; None leaves a setting alone.

    Raises:
        SettingsError: unknown preset; unreadable file; an unknown key or impossible value (all named).
    """
    content = _read_toml(path) if path else {}
    name = preset or content.pop("preset", DEFAULT_PRESET)
    content.pop("preset", None)
    if name not in PRESETS:
        raise SettingsError(f"Unknown preset {name!r}. There are: {', '.join(PRESETS)}.")
    given = {key: value for key, value in values.items() if value is not None}
    try:
        return TrainConfig.model_validate(_over(_over(PRESETS[name], content), given))
    except ValidationError as error:
        raise SettingsError(f"{path or f'preset {name}'}: {describe_validation(error)}.") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"Cannot read the settings file {path}: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings, those of ``above`` going before those of ``below``."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return merged
