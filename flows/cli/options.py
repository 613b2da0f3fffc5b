"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Lake = Annotated[Path, typer.Argument(help="Folder of the lake.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
