"""The command line: one file per command, each a few lines; what they do stands in :mod:`harvest` and :mod:`flows`."""

import errno
import importlib.metadata
import os
import signal
import sys
from typing import Annotated

import typer

from flows.cli.calibrate import calibrate
from flows.cli.convert import convert
from flows.cli.demo import demo
from flows.cli.deploy import deploy
from flows.cli.doctor import doctor
from flows.cli.evaluate import evaluate
from flows.cli.explain import explain
from flows.cli.export import export
from flows.cli.forget import forget
from flows.cli.import_ import import_
from flows.cli.phantom import phantom
from flows.cli.rebox import rebox
from flows.cli.rebuild import rebuild
from flows.cli.receive import receive
from flows.cli.report import report
from flows.cli.run import run
from flows.cli.serve import serve
from flows.cli.sql import sql
from flows.cli.stability import stability
from flows.cli.train import train
from flows.cli.use import use
from flows.cli.verify import verify
from harvest.errors import IamHarvestError

app = typer.Typer(
    name="iam-harvest",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo, run, serve, deploy, receive, sql, report, explain, export, verify, rebuild, use, rebox, stability, forget,
    train, evaluate, calibrate, convert, phantom, doctor,
):  # fmt: skip
    app.command()(command)
app.command("import")(import_)

INTERRUPTED = 130
TERMINATED = 143
ADVICE = {
    errno.ENOSPC: "Make room, then give the same command again: it takes the work up where it stopped.",
    errno.EDQUOT: "Make room, then give the same command again: it takes the work up where it stopped.",
    errno.EACCES: "Give the path's owner that right, or name another path.",
    errno.EROFS: "Name a path that can be written.",
    errno.EIO: "Look at the disk or the share, then give the same command again.",
}
"""What to do about an error of the machine."""


def print_version(wanted: bool) -> None:
    """Print the installed version and stop, when asked."""
    if wanted:
        print(importlib.metadata.version("iam-harvest"))
        raise typer.Exit()


@app.callback()
def iam_harvest(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    """Harvest finding boxes from chest X-ray archives; query them with SQL. Research software, not a medical device."""


def main() -> None:
    """Run the command line; a user's error becomes one sentence on stderr and exit status 1, a usage error 2."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="iam-harvest")
    except IamHarvestError as error:
        sys.exit(f"iam-harvest: {error}")
    except OSError as error:  # of the machine: a full disk, a share that went away
        sys.exit(f"iam-harvest: {describe_machine(error)}")
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED:
            raise
        print("iam-harvest: interrupted. The same command takes the work up where it stopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def describe_machine(error: OSError) -> str:
    """Say what the machine refused, of which file, and what to do."""
    what = os.strerror(error.errno) if error.errno else str(error)
    where = f" ({error.filename})" if error.filename else ""
    advice = ADVICE.get(error.errno or 0, "")
    return f"{what}{where}.{advice and ' '}{advice}"


def _terminate(*_: object) -> None:
    """End by an exception, so that what was started is stopped."""
    sys.exit(TERMINATED)
