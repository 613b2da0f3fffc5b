"""Arguments and options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from harvest.errors import LakeError, SettingsError
from harvest.lake_address import folder_to_change, folder_to_query, folder_to_read, folder_to_write


def complete_bundle(incomplete: str) -> list[str]:
    """Return the shipped bundles whose names begin so, for the shell's completion."""
    from models.bundle_files import shipped_bundles

    return [name for name in shipped_bundles() if name.startswith(incomplete)]


def lake_place(folder_of: Callable[[str], Path]) -> Callable[[str], Path]:
    """Return what makes a folder of an option's text; its errors are said as those of a command are."""

    def parse(location: str) -> Path:
        try:
            return folder_of(location)
        except SettingsError as error:  # as a ValueError it would be one of usage
            raise LakeError(str(error)) from error

    return parse


Archive = Annotated[
    str,
    typer.Argument(
        help="Directory, zip, tar, list of paths, DICOMDIR, film, or URL of a bucket or PACS.", show_default=False
    ),
]
LAKE = "Directory of the lake, or its address in a bucket."
READ, ASKED = lake_place(folder_to_read), lake_place(folder_to_query)
CHANGED, WRITTEN = lake_place(folder_to_change), lake_place(folder_to_write)
Lake = Annotated[Path, typer.Argument(parser=READ, help=LAKE, show_default=False)]
AskedLake = Annotated[Path, typer.Argument(parser=ASKED, help=LAKE, show_default=False)]
ChangedLake = Annotated[Path, typer.Argument(parser=CHANGED, help=LAKE, show_default=False)]
Model = Annotated[
    str, typer.Option(help="Bundle: a directory, or the name of a shipped one.", autocompletion=complete_bundle)
]
Out = Annotated[
    Path,
    typer.Option(
        parser=WRITTEN,
        help="Directory of the lake, or its address in a bucket; made if need be.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
WithPrefect = Annotated[
    bool,
    typer.Option("--prefect", help="Run as a Prefect flow with a temporary local server (or that of PREFECT_API_URL)."),
]
ServiceFile = Annotated[
    Path, typer.Argument(metavar="SERVICE.toml", help="The service: archives, lakes, schedules.", show_default=False)
]
