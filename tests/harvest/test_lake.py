"""The lake on disk: who may write, what a killed writer leaves, that parts appear whole."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvest.errors import LakeError, LakeLockedError, NewerLakeError
from harvest.lake import SCHEMAS, open_lake, writing

VALUES = {pa.string(): "x", pa.int32(): 1, pa.float64(): 0.5, pa.bool_(): False}


def test_a_new_lake_has_its_folders_and_a_private_one(tmp_path: Path) -> None:
    with writing(tmp_path / "deep" / "lake") as lake:
        assert lake.private.stat().st_mode & 0o777 == 0o700
    assert open_lake(lake.root).shards("f") == []


def test_another_folder_is_not_taken_for_a_lake(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(LakeError, match="not a lake"), writing(tmp_path):
        pass
    with pytest.raises(LakeError, match="no lake"):
        open_lake(tmp_path)


def test_a_newer_lake_is_refused_for_reading_and_writing(tmp_path: Path) -> None:
    with writing(tmp_path / "lake"):
        pass
    (tmp_path / "lake" / "lake.json").write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(NewerLakeError, match="upgrade"):
        open_lake(tmp_path / "lake")
    with pytest.raises(NewerLakeError), writing(tmp_path / "lake"):
        pass


def test_an_older_lake_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    later = {"header_verdict", "pixel_verdict", "pixel_probability", "flags", "pixel_key"}
    with writing(tmp_path / "lake") as lake:
        tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        row = {one.name: VALUES.get(one.type) for one in SCHEMAS["instances"] if one.name not in later}
        tables["instances"] = pa.Table.from_pylist([row], schema=SCHEMAS["instances"])
        lake.commit_shard("f", "whole", tables)
        path = lake.part("instances", "f", "whole")
        old = pq.read_table(path).drop_columns(sorted(later))
        pq.write_table(old, path)
        lake.mark_published()
    (tmp_path / "lake" / "lake.json").write_text(json.dumps({"schema_version": 1}))
    with writing(tmp_path / "lake") as lake:
        assert lake.unpublished
        table = pq.read_table(path)
    assert table.schema.equals(SCHEMAS["instances"]) and table["flags"].null_count == table.num_rows
    assert table.select(old.column_names).equals(old)


def test_two_processes_do_not_write_at_once_and_a_dead_one_leaves_no_lock(tmp_path: Path) -> None:
    hold = "import sys,time,pathlib\nfrom harvest.lake import writing\nwith writing(pathlib.Path(sys.argv[1])):\n"
    hold += "    print('held', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", hold, str(tmp_path / "lake")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LakeLockedError, match=f"Process {process.pid}"), writing(tmp_path / "lake"):
            pass
        process.kill()
    with writing(tmp_path / "lake"):
        pass


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        lake.commit_shard("f", "whole", tables)
        lake.part("boxes", "f", "orphan").touch()
        (lake.folder("attention") / ".tmp-part-f-x.parquet").touch()
    with writing(tmp_path / "lake") as lake:
        names = {path.name for name in SCHEMAS for path in lake.folder(name).iterdir()}
    assert names == {"part-f-whole.parquet"}


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        with writing(tmp_path / name) as lake:
            lake.commit_shard("f", "s", {table: schema.empty_table() for table, schema in SCHEMAS.items()})
            contents.append([lake.part(table, "f", "s").read_bytes() for table in SCHEMAS])
    assert contents[0] == contents[1]
