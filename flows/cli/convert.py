"""``iam-harvest convert``."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    weights: Annotated[Path, typer.Argument(help="Weight file written by torch.save.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Directory of the new bundle.", show_default=False)],
    like: Annotated[
        str | None,
        typer.Option(
            help="Bundle, or directory of a bundle.json, that describes the network.",
            show_default="the directory of WEIGHTS",
        ),
    ] = None,
) -> None:
    """Make a bundle of a pickled weight file; it is read by a loader that accepts nothing but tensors.

    Example: iam-harvest convert model.pth --like nih-mini --out my-bundle
    """
    from models.bundle import convert_weights
    from models.bundle_files import read_bundle_spec

    spec, _ = read_bundle_spec(like or weights.parent)
    digest = convert_weights(weights, out, spec)
    print(f"Bundle {out} written, digest {digest[:16]}.")
