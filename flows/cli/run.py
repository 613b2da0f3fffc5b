"""``iam-harvest run``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Archive, AsJson, Model, Out, WithPrefect
from flows.cli.settings import read_settings
from harvest.config import GateMode, Identifiers, Runner, RunnerConfig, checked


def run(
    archive: Archive,
    out: Out,
    model: Model = "nih-mini",
    labels: Annotated[Path | None, typer.Option(help="Label table (CSV), matched by file stem.")] = None,
    gate: Annotated[GateMode | None, typer.Option(help="Which findings are boxed.")] = None,
    identifiers: Annotated[Identifiers | None, typer.Option(help="What the public tables say of whose film.")] = None,
    site_key: Annotated[Path | None, typer.Option(help="File of 32 secret bytes behind the pseudonyms.")] = None,
    archive_name: Annotated[str | None, typer.Option(help="Name of the archive; default: its directory's.")] = None,
    root: Annotated[
        str | None, typer.Option(help="Where a list's paths begin (default: beside it), or the PACS of its UIDs.")
    ] = None,
    max_rejection_rate: Annotated[float | None, typer.Option(help="Abort above this share (0 to 1).")] = None,
    include: Annotated[list[str] | None, typer.Option(help="Harvest what would be rejected so; repeat.")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings (TOML); options of this line go before it.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Look at the first so many films of the archive only.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")] = False,
    runner: Annotated[Runner, typer.Option(help="Who computes: this process, or workers of a Dask cluster.")] = "local",
    workers: Annotated[int | None, typer.Option(min=1, help="Dask workers to start on this machine.")] = None,
    address: Annotated[str | None, typer.Option(help="Dask scheduler to use instead, tcp://HOST:PORT.")] = None,
    prefect: WithPrefect = False,
    as_json: AsJson = False,
) -> None:
    """Harvest what is new in an archive into a lake.

    Example: iam-harvest run films --out lake

    Repeated, it harvests new and changed films only; interrupted, it goes on where it stopped.
    """
    from flows.cli.harvesting import harvest_and_report
    from harvest.run import RunRequest

    overrides = {"gate__mode": gate, "identifiers": identifiers, "engine__device": device, "decode__include": include}
    settings = read_settings(config, max_rejection_rate=max_rejection_rate, **overrides)
    crew = checked(RunnerConfig, {"kind": runner, "workers": workers, "address": address})
    request = RunRequest(archive, model, out, labels, settings, site_key, limit, archive_name, root, runner=crew)
    harvest_and_report(request, dry_run, prefect, as_json)
