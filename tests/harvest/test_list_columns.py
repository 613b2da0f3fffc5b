"""Which column of a list counts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvest.errors import ArchiveError
from harvest.sources.selection import read_list


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("path", [])),
        ("a.png\nb.png\n", ("path", ["a.png", "b.png"])),
        ("path\na.png\n", ("path", ["a.png"])),
        ("sop instance uid\n 1.2 \n\n1.3\n", ("SOPInstanceUID", ["1.2", "1.3"])),
        ("AccessionNumber,StudyInstanceUID\n7,1.2\n8,\n9\n", ("StudyInstanceUID", ["1.2"])),
        ("AccessionNumber,Path\n7,a.png\n", ("path", ["a.png"])),
        ("accession_number\n0007\n", ("AccessionNumber", ["0007"])),
    ],
)
def test_a_header_says_what_is_listed(tmp_path: Path, text: str, expected: tuple[str, list[str]]) -> None:
    (tmp_path / "list.csv").write_text(text)
    column, values = read_list(tmp_path / "list.csv")
    assert (column, list(values)) == expected


def test_a_parquet_list_may_hold_numbers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1, 2], "AccessionNumber": [70, None]}), tmp_path / "list.parquet")
    column, values = read_list(tmp_path / "list.parquet")
    assert (column, list(values)) == ("AccessionNumber", ["70"])


def test_a_table_without_such_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,age\nx,3\n")
    pq.write_table(pa.table({"age": [1]}), tmp_path / "list.parquet")
    for name in ("list.csv", "list.parquet"):
        with pytest.raises(ArchiveError, match="no column path or SOPInstanceUID"):
            read_list(tmp_path / name)
