"""The demonstration: an archive of phantoms, so that nothing has to be downloaded and nobody's film is shown."""

import shutil
import sys
from pathlib import Path

from harvest.config import HarvestConfig, StorageConfig
from harvest.phantom import PhantomRange, write_archive
from harvest.report.request import BoxSource, ReportRequest
from harvest.run import RunRequest

SEED = 2018
SHARD_SIZE = 16
"""Small, so that the progress of so short a run is seen to move."""


def draw_archive(out: Path, films: int) -> Path:
    """Write the phantom archive once and return its directory; one that was cut off is drawn anew."""
    archive = out / "archive"
    if not (archive / "boxes.csv").exists():  # it is written last
        shutil.rmtree(archive / "images", ignore_errors=True)
        print(f"Drawing {films} phantom films, PNG and DICOM, in {archive}", file=sys.stderr)
        write_archive(archive, PhantomRange(films, "mixed", SEED))
    return archive


def request_demo(archive: Path, model: str, out: Path) -> RunRequest:
    """Return the harvest of the archive; phantoms have no names to hide, so the tables show the files' own.

    Its report lays the phantoms' exact boxes beside the harvested ones.
    """
    settings = HarvestConfig(identifiers="keep", storage=StorageConfig(shard_size=SHARD_SIZE))
    return RunRequest(
        archive=str(archive / "images"),
        model=model,
        lake=out / "lake",
        labels=archive / "labels.csv",
        config=settings,
        archive_name="demo",
        report=ReportRequest(boxes=BoxSource(archive / "boxes.csv", frame=None)),
    )
