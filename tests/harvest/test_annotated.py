"""Imported boxes: one part and one box table for each file, from which films can be removed."""

from pathlib import Path

import pyarrow.parquet as pq

from harvest.annotated import box_tables, forget_films, write_annotated
from harvest.annotations import AnnotatedBox, read_box_table
from harvest.lake import writing
from harvest.side_tables import side_parts


def test_a_forgotten_film_leaves_part_and_box_table(tmp_path: Path) -> None:
    boxes = [("key-1", AnnotatedBox("one", "Mass", 1, 2, 3, 4)), ("key-2", AnnotatedBox("two", "Mass", 5, 6, 9, 9))]
    with writing(tmp_path / "lake") as lake:
        table = write_annotated(lake, "first", boxes)
        assert [box.stem for box in read_box_table(table).boxes] == ["one", "two"]
        forget_films(lake, {"key-1"}, {"one"})
        (part,) = side_parts(lake.root, "annotated_boxes")
        assert pq.read_table(part)["instance_key"].to_pylist() == ["key-2"]
        assert box_tables(lake) == [table]
        assert read_box_table(table).boxes == (boxes[1][1],)
