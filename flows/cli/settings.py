"""Settings of a command line: a TOML file, and options that go before it."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harvest.config import HarvestConfig, Runner, RunnerConfig, describe_validation
from harvest.errors import SettingsError


def read_settings(path: Path | None, **options: object) -> HarvestConfig:
    """Return the settings of a file (or the defaults) with options laid over them.

    Args:
        path: TOML file.
        options: value by dotted name with ``__`` for the dot (``gate__mode="labels"``); None leaves the file's value.

    Raises:
        SettingsError: the file or an option is not valid.
    """
    values: dict[str, Any] = (HarvestConfig.from_toml(path) if path else HarvestConfig()).model_dump()
    for name, value in options.items():
        *sections, key = name.split("__")
        place = values
        for section in sections:
            place = place[section]
        place[key] = place[key] if value is None else value
    try:
        return HarvestConfig.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"Impossible setting: {describe_validation(error)}.") from error


def read_runner(kind: Runner, workers: int | None, address: str | None) -> RunnerConfig:
    """Return who computes.

    Raises:
        SettingsError: the options do not go together.
    """
    try:
        return RunnerConfig(kind=kind, workers=workers, address=address)
    except ValidationError as error:
        raise SettingsError(f"Impossible setting: {describe_validation(error)}.") from error
