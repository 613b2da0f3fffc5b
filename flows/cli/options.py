"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer


def complete_bundle(incomplete: str) -> list[str]:
    """Return the shipped bundles whose names begin so, for the shell's completion."""
    from models.bundle_files import shipped_bundles

    return [name for name in shipped_bundles() if name.startswith(incomplete)]


Archive = Annotated[
    str,
    typer.Argument(
        help="Directory, zip, tar, list of paths, DICOMDIR, film, or URL of a bucket or PACS.", show_default=False
    ),
]
Lake = Annotated[Path, typer.Argument(help="Directory of the lake.", show_default=False)]
Model = Annotated[
    str, typer.Option(help="Bundle: a directory, or the name of a shipped one.", autocompletion=complete_bundle)
]
Out = Annotated[Path, typer.Option(help="Directory of the lake; made if need be.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
WithPrefect = Annotated[
    bool,
    typer.Option("--prefect", help="Run as a Prefect flow with a temporary local server (or that of PREFECT_API_URL)."),
]
ServiceFile = Annotated[
    Path, typer.Argument(metavar="SERVICE.toml", help="The service: archives, lakes, schedules.", show_default=False)
]
