"""Label and box tables in all dialects; what is foreign is named, or left out and named."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.annotations import film_stem, match_films, read_box_table, read_label_table
from harvest.errors import TableError

BOX = "00000001_000.png,Atelectasis,225.5,547.25,86.5,79.75"
DIALECTS = {
    "four_columns": f"Image Index,Finding Label,Bbox x,Bbox y,Bbox w,Bbox h\n{BOX}\n",
    "spread_header": f"Image Index,Finding Label,Bbox [x,y,w,h]\n{BOX}\n",
    "trailing_commas": f"Image Index,Finding Label,Bbox [x,y,w,h],,,\n{BOX}\n",
    "unnamed_columns": f"Image Index,Finding Label,Bbox [x,y,w,h],Unnamed: 6,Unnamed: 7,Unnamed: 8\n{BOX},,,\n",
    "no_header": f"{BOX}\n",
    "windows": f"Image Index,Finding Label,Bbox [x,y,w,h]\r\n{BOX}\r\n\r\n",
    "byte_order_mark": f"\ufeffImage Index,Finding Label,x,y,w,h\n{BOX}\n",
}


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS.keys())
def test_every_dialect_gives_the_same_box(tmp_path: Path, text: str) -> None:
    (box,) = read_box_table(write(tmp_path / "boxes.csv", text)).boxes
    assert (box.stem, box.finding) == ("00000001_000", "Atelectasis")
    assert (box.x_min, box.y_min, box.x_max, box.y_max) == (225.5, 547.25, 312.0, 627.0)


def test_the_box_tables_infiltrate_is_the_label_tables_infiltration(tmp_path: Path) -> None:
    table = read_box_table(write(tmp_path / "boxes.csv", "a.png,Infiltrate,1,2,3,4\n"))
    assert table.boxes[0].finding == "Infiltration"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.png,Cardiomegaly|Emphysema,1,2,3,4,5,6,7", "9 cells"),
        ("a.png,Cardiomegaly|Emphysema,1,2,3,4", "Unknown finding"),
        ("a.png,Mass,1,2,3", "5 cells"),
        ("a.png,Mass,1,2,0,4", "above zero"),
        ("a.png,Mass,1,2,nan,4", "finite"),
        ("a.png,Mass,one,2,3,4", "one"),
        (",Mass,1,2,3,4", "no film name"),
    ],
)
def test_a_foreign_row_is_an_error_that_names_its_line_or_is_left_out(tmp_path: Path, row: str, reason: str) -> None:
    path = write(tmp_path / "boxes.csv", f"{BOX}\n{row}\n\n{BOX}\n")
    with pytest.raises(TableError, match=f"line 2.*{reason}"):
        read_box_table(path)
    table = read_box_table(path, lenient=True)
    assert len(table.boxes) == 2
    assert len(table.skipped) == 1 and "line 2" in table.skipped[0]


@pytest.mark.parametrize("text", ["", "\n\n", "Image Index,Finding Label,x,y,w,h\n"])
def test_a_table_without_boxes_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TableError, match="no annotated box"):
        read_box_table(write(tmp_path / "boxes.csv", text))


def test_the_official_label_table_is_read_with_its_optional_columns(tmp_path: Path) -> None:
    text = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
        "00000001_000.png,Emphysema|Cardiomegaly,0,1,58,M,PA,2682,2749,0.143,0.143,\n"
        "00000002_000.png,No Finding,0,2,414,F,AP,2500,2048,0.168,0.168,\n"
        "00000003_000.png,Hernia,0,3,006M,F,AP,2500,2048,0.168,0.168,\n"
    )
    table = read_label_table(write(tmp_path / "labels.csv", text))
    first, second, third = table.rows.values()
    assert list(table.rows) == ["00000001_000", "00000002_000", "00000003_000"]
    assert (first.findings, first.patient_id, first.age, first.sex, first.view) == (
        ("Cardiomegaly", "Emphysema"),
        "1",
        58,
        "M",
        "PA",
    )
    assert (second.findings, second.age) == ((), None)
    assert third.age == pytest.approx(0.5)
    assert first.columns["Height]"] == "2749"


def test_two_columns_are_enough_and_gzip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv.gz"
    path.write_bytes(gzip.compress(b"Image Index,Finding Labels\na.png,Mass\n"))
    row = read_label_table(path).rows["a"]
    assert (row.findings, row.patient_id, row.age, row.sex, row.view) == (("Mass",), None, None, None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column 'Image Index'"),
        ("Image Index,Labels\na.png,Mass\n", "no column 'Finding Labels'"),
        ("Image Index,Finding Labels\n", "holds no film"),
        ("Image Index,Finding Labels\na.png,Mass\nb/a.jpg,Mass\n", "line 3.*two rows"),
        ("Image Index,Finding Labels\na.png,Cold\n", "line 2.*Unknown finding"),
    ],
)
def test_a_table_that_is_no_label_table_says_why(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        read_label_table(write(tmp_path / "labels.csv", text))


def test_unreadable_files_are_table_errors(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="Cannot read"):
        read_label_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="Cannot read"):
        read_box_table(write(tmp_path / "broken.csv.gz", "not gzip"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(TableError, match="UTF-8"):
        read_box_table(tmp_path / "binary.csv")


def test_a_split_selects_rows_and_an_unknown_one_names_the_known(tmp_path: Path) -> None:
    text = "Image Index,Finding Labels,split\na.png,Mass,train\nb.png,Mass,dev\nc.png,Mass,eval\n"
    table = read_label_table(write(tmp_path / "labels.csv", text))
    assert list(table.select("split", ["train", "dev"]).rows) == ["a", "b"]
    with pytest.raises(TableError, match=r"test; it has: dev, eval, train"):
        table.select("split", ["test"])
    with pytest.raises(TableError, match="no column 'fold'"):
        table.select("fold", ["1"])


def test_films_are_matched_by_stem() -> None:
    paths = ["x/a.jpg", "x/b.dcm", "x/other.png"]
    assert match_films(paths, ["b", "a", "missing"]) == {"b": "x/b.dcm", "a": "x/a.jpg"}


def test_an_ambiguous_or_a_missing_film_is_an_error() -> None:
    with pytest.raises(TableError, match="ambiguous"):
        match_films(["x/a.jpg", "y/a.png"], ["a"])
    assert match_films(["x/a.jpg", "x/b.jpg", "y/b.png"], ["a"]) == {"a": "x/a.jpg"}
    with pytest.raises(TableError, match="None of the table's 2 films"):
        match_films(["x/a.jpg"], ["p", "q"])


@given(st.text(st.characters(categories=["L", "N"]), min_size=1), st.sampled_from([".png", ".jpg", ".dcm"]))
def test_the_stem_forgets_folder_and_extension(name: str, suffix: str) -> None:
    assert film_stem(f"some/folder/{name}{suffix}") == name


@pytest.mark.skipif("IAM_REAL_DATA" not in os.environ, reason="IAM_REAL_DATA names no folder of real data")
def test_the_dialects_met_in_the_wild_hold_the_same_boxes() -> None:
    folder = Path(os.environ["IAM_REAL_DATA"]) / "nih"
    reference = read_box_table(folder / "boxes.csv")
    wanted = sorted((box.stem, box.finding, round(box.x_min, 3)) for box in reference.boxes)
    variants = sorted((folder / "bbox_variants").glob("*.csv"))
    assert len(variants) == 7
    for variant in variants:
        table = read_box_table(variant, lenient=True)
        assert sorted((box.stem, box.finding, round(box.x_min, 3)) for box in table.boxes) == wanted, variant.name
        assert len(table.skipped) == (1 if variant.name == "bbox_gn.csv" else 0)
