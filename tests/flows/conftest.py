"""The command line as a function, and a Prefect that never touches the user's own settings."""

import os
import sys
import tempfile
from collections.abc import Callable
from typing import NamedTuple

import pytest

# Prefect reads these at first import, which the collection of test modules may cause.
PREFECT_HOME = tempfile.TemporaryDirectory(prefix="iam-harvest-tests-", ignore_cleanup_errors=True)
os.environ["PREFECT_HOME"] = PREFECT_HOME.name
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.pop("PREFECT_API_URL", None)


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run ``iam-harvest`` with arguments in this process."""
    from flows.cli import main

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["iam-harvest", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capfd.readouterr()
        code = stopped.value.code
        if isinstance(code, str):  # sys.exit(text) prints it and exits with 1
            return Outcome(1, out, err + code)
        return Outcome(int(code or 0), out, err)

    return call
