"""What ``export`` and ``import`` do with their options."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

from flows.cli.render import print_json
from harvest.bucket.home import address_of
from harvest.corrections import import_annotations
from harvest.export import export_lake


def export_and_report(lake: Path, name: str, out: Path, how: tuple[int, str | None], as_json: bool) -> None:
    """Export (``how`` is highest rank and archive), and say what was written and what was left out."""
    summary = export_lake(lake, name, out, *how)
    if as_json:
        print_json(asdict(summary))
        return
    what = "segments" if name == "dicom-seg" else "boxes"
    print(f"Written: {out}, {summary.boxes:,} {what} of {summary.films:,} films.")
    if summary.pseudonymous:
        print("Names and UIDs are the lake's pseudonyms, not the archive's own.")
    if summary.skipped:
        print(f"{len(summary.skipped):,} films are no DICOM objects and were left out:")
        print("\n".join(f"  {key}" for key in summary.skipped))


def store_and_report(lake: Path, name: str, url: str, max_rank: int, as_json: bool) -> None:
    """Store reports or segmentations in the PACS of the films, and say how many it has taken."""
    from harvest.export.dicom_return import store_in_archive

    summary = store_in_archive(lake, name, url, max_rank)
    if as_json:
        print_json(asdict(summary))
        return
    print(f"Stored: {summary.objects:,} objects, one per film with boxes, under the studies of their films.")
    if summary.absent:
        print(f"{len(summary.absent):,} films are not in this PACS, so nothing was stored for them:")
        print("\n".join(f"  {key}" for key in summary.absent))


def import_and_report(lake: Path, annotations: Path, as_json: bool) -> None:
    """Import corrected boxes, and say how to evaluate against them."""
    summary = import_annotations(lake, annotations)
    if as_json:
        boxes = Counter(box.finding for box in summary.boxes)
        print_json({"table": summary.table, "films": summary.films, "boxes": boxes})
        return
    print(f"{len(summary.boxes):,} annotated boxes of {summary.films:,} films, as a box table in {summary.table}")
    print(f"Evaluate:  iam-harvest evaluate --lake {address_of(lake)}")
    print(f"Compare:   iam-harvest sql {address_of(lake)} boxes_against_annotated")
