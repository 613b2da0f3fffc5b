"""Structured reports and segmentations: valid for dcmtk, true to the lake, and clear about whose UIDs they have."""

import shutil
import subprocess
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from harvest.export import export_lake
from harvest.export.dicom_evidence import is_dicom
from harvest.export.records import Export, read_export


def accepted_by(tool: str, path: Path) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} of dcmtk is not installed")
    ran = subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not [line for line in ran.stderr.splitlines() if line.startswith(("E:", "W:"))]
    return ran.stdout


def test_reports_hold_every_box_and_its_origin(either: Export, tmp_path: Path) -> None:
    summary = export_lake(either.lake, "dicom-sr", tmp_path / "sr")
    films = {film.key: film for film in either.films if is_dicom(film) and film.boxes}
    assert {path.stem for path in (tmp_path / "sr").iterdir()} == set(films)
    assert set(summary.skipped) == {film.key for film in either.films if not is_dicom(film)}
    assert summary.skipped
    for key, film in films.items():
        report = hd.sr.srread(tmp_path / "sr" / f"{key}.dcm")
        groups = report.content.get_planar_roi_measurement_groups()
        assert [group.tracking_identifier for group in groups] == [
            f"{key}/{box['finding']}/{box['rank']}" for box in film.boxes
        ]
        for group, box in zip(groups, film.boxes, strict=True):
            points = group.roi.value
            np.testing.assert_allclose(
                [*points.min(axis=0), *points.max(axis=0)],
                [box["x_min"], box["y_min"], box["x_max"], box["y_max"]],
                rtol=1e-5,
            )
        assert report.StudyInstanceUID == film.row["study_key"]


def test_dcmtk_reads_the_reports(either: Export, tmp_path: Path) -> None:
    export_lake(either.lake, "dicom-sr", tmp_path / "sr", max_rank=1)
    for path in (tmp_path / "sr").iterdir():
        text = accepted_by("dsrdump", path)
        assert "Bounded by" in text
        assert "model_digest" in text


def test_segments_fill_the_largest_box(exported: Export, tmp_path: Path) -> None:
    export_lake(exported.lake, "dicom-seg", tmp_path / "seg")
    film = next(film for film in exported.films if is_dicom(film) and film.boxes)
    segmentation = hd.seg.segread(tmp_path / "seg" / f"{film.key}.dcm")
    masks = segmentation.get_pixels_by_source_instance([film.row["sop_key"]])[0]
    for place, label in enumerate(segmentation.segment_numbers):
        finding = segmentation.get_segment_description(label).segment_label
        boxes = [box for box in film.boxes if box["finding"] == finding]
        mask = masks[..., place].astype(bool)
        assert mask.shape == film.hw
        largest = max(boxes, key=lambda box: (box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]))
        rows, columns = (
            slice(int(largest["y_min"]), int(largest["y_max"])),
            slice(int(largest["x_min"]), int(largest["x_max"])),
        )
        assert mask[rows, columns].mean() > 0.3
        assert mask[rows, columns].any()


def test_dcmtk_reads_the_segmentations(either: Export, tmp_path: Path) -> None:
    export_lake(either.lake, "dicom-seg", tmp_path / "seg")
    for path in (tmp_path / "seg").iterdir():
        assert "SegmentSequence" in accepted_by("dcmdump", path)


@pytest.mark.parametrize("kind", ["named", "pseudonymous"])
@pytest.mark.parametrize("name", ["dicom-sr", "dicom-seg"])
def test_uids_are_the_archives_own_only_where_identifiers_were_kept(
    harvested: tuple[Path, Path, Path], kind: str, name: str, tmp_path: Path
) -> None:
    lake = getattr(harvested, kind)
    export_lake(lake, name, tmp_path / "out")
    originals = {str(pydicom.dcmread(path).StudyInstanceUID) for path in harvested[0].rglob("*.dcm")}
    for path in (tmp_path / "out").iterdir():
        written = pydicom.dcmread(path)
        assert (written.StudyInstanceUID in originals) == (kind == "named")
        assert ("pseudonymous" in written.SeriesDescription) == (kind == "pseudonymous")


def test_the_same_export_has_the_same_uids(harvested: tuple[Path, Path, Path], tmp_path: Path) -> None:
    lake = harvested[2]
    for out in ("one", "other"):
        export_lake(lake, "dicom-sr", tmp_path / out, max_rank=1)
    for film in read_export(lake, 1).films:
        if is_dicom(film) and film.boxes:
            uids = [pydicom.dcmread(tmp_path / out / f"{film.key}.dcm").SOPInstanceUID for out in ("one", "other")]
            assert uids[0] == uids[1]
