"""Settings of a command line: a TOML file, and options that go before it."""

from pathlib import Path
from typing import Any

from harvest.config import HarvestConfig, checked


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
    return checked(HarvestConfig, values)
