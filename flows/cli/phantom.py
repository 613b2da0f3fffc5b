"""``iam-harvest phantom``."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def phantom(
    directory: Annotated[Path, typer.Argument(help="Directory of the archive; must not hold films.")],
    count: Annotated[int, typer.Option(min=1, help="Films.", show_default=False)],
    image_format: Annotated[
        Literal["png", "dicom", "mixed"], typer.Option("--format", help="Kind of the files.")
    ] = "mixed",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 0,
    start: Annotated[int, typer.Option(min=0, help="First film of the seed's sequence.")] = 0,
) -> None:
    """Draw phantom chest films with exact boxes: images, label table, box table.

    Example: iam-harvest phantom films --count 24 --format mixed
    """
    from harvest.phantom import PhantomRange, write_archive

    written = write_archive(directory, PhantomRange(count, image_format, seed, start))
    print(
        f"{written.films:,} films of {written.patients:,} patients ({written.dicom_films:,} DICOM) with "
        f"{written.boxes:,} boxes in {directory}: images, labels.csv, boxes.csv."
    )
