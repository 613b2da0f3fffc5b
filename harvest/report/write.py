"""Write the report of a lake: ``report/index.html`` and the pictures beside it."""

import base64
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harvest.errors import SettingsError
from harvest.files import TEMPORARY
from harvest.lake import Lake
from harvest.pages import page_environment
from harvest.report.figures import FindingFigures, LakeFigures, read_figures
from harvest.report.page import page_values
from harvest.report.pictures import write_places
from harvest.report.records import Gallery
from harvest.report.request import PAGE, ReportRequest
from harvest.run_record import RunRecord, current_run, read_records


def write_report(lake: Lake, request: ReportRequest | None = None) -> Path:
    """Make the report of a lake, in the place of an earlier one.

    Args:
        lake: published; what is shown are the settings of its latest complete run.
        request: what is shown; by default a gallery only where identifiers are kept.

    Returns:
        The page.

    Raises:
        LakeError: the lake has no snapshot.
        SettingsError: boxes are given, but films are not to be shown.
        TableError: the box table cannot be used.
    """
    request = request or ReportRequest()
    building = lake.root / f"{TEMPORARY}report"
    shutil.rmtree(building, ignore_errors=True)
    (building / "img").mkdir(parents=True)
    runs = read_records(lake)
    figures = read_figures(lake.root, runs)
    places = [_write_places(building, number, one) for number, one in enumerate(figures.findings, start=1)]
    gallery = _gallery(lake, runs, request, building)
    (building / PAGE.name).write_text(render_report(figures, places, runs, gallery), encoding="utf-8")
    page = lake.root / PAGE
    _put_in_place(building, page.parent)
    return page


def render_report(
    figures: LakeFigures, places: Sequence[str], runs: Sequence[RunRecord], gallery: Gallery | None
) -> str:
    """Return the page as HTML.

    Args:
        figures: what is counted.
        places: picture of where boxes lie, by finding of ``figures``; "" for none.
        runs: the latest first.
        gallery: None where film pictures are held back.
    """
    environment = page_environment()
    script = "".join(environment.get_template(name).render() for name in ("report.js", "explorer.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values: dict[str, Any] = page_values(figures, places, runs, current_run(runs))
    explored = json.loads(gallery.explorer) if gallery and gallery.explorer else None
    return environment.get_template("report.html").render(
        **values, gallery=gallery, explored=explored, script=script, script_digest=f"sha256-{digest}"
    )


def _gallery(lake: Lake, runs: Sequence[RunRecord], request: ReportRequest, folder: Path) -> Gallery | None:
    """Make the gallery; torch is loaded only here, to merge stored maps."""
    record = current_run(runs)
    shows_films = request.gallery or (record is not None and record["config"]["identifiers"] == "keep")
    if request.boxes is not None and not shows_films:
        raise SettingsError("Annotated boxes are shown on films, which this lake's report leaves out; add --gallery.")
    if record is None or not shows_films:
        return None
    from harvest.report.gallery import write_gallery

    return write_gallery(lake, record, request.films, request.boxes, folder)


def _write_places(folder: Path, number: int, figures: FindingFigures) -> str:
    if not figures.places.any():
        return ""
    name = f"img/place-{number:02d}.png"
    write_places(folder / name, figures.places)
    return name


def _put_in_place(building: Path, folder: Path) -> None:
    earlier = folder.with_name(f"{TEMPORARY}report-earlier")
    shutil.rmtree(earlier, ignore_errors=True)
    if folder.exists():
        folder.rename(earlier)
    building.rename(folder)
    shutil.rmtree(earlier, ignore_errors=True)
