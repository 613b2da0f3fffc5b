"""Settling: changed, vanished and repeated objects, and days since a patient's first study."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.lake import SCHEMAS, Lake, writing
from harvest.manifest import Plan, read_harvested
from harvest.settle import settle
from harvest.sources import UNKNOWN_SIZE

KEYS = RunKeys("run", "digest", "f" * 16, "site", "pseudonymize", SiteKey(bytes(32)))
DEFAULTS: dict[pa.DataType, Any] = {
    pa.string(): "",
    pa.int32(): 1,
    pa.int64(): 1,
    pa.float64(): 0.5,
    pa.bool_(): False,
    pa.binary(): b"",
}


def row(table: str, **values: object) -> dict[str, Any]:
    schema = SCHEMAS[table]
    empty = {field.name: None if field.nullable else DEFAULTS.get(field.type, []) for field in schema}
    return empty | values


def commit(lake: Lake, shard_id: str, objects: list[dict[str, Any]]) -> None:
    """Commit a shard of objects: path, size, mtime_ns, uid, patient_id, study_date, reason_code."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for one in objects:
        keys = KEYS.columns(one["path"], one.get("uid"), 1)
        common = keys | {"object_key": KEYS.object_key(one["path"]), "frame": 1}
        origin = {key: one.get(key) for key in ("path", "patient_id", "study_date")}
        versioned = {
            "archive": "site",
            "size": one.get("size", 1),
            "mtime_ns": one.get("mtime_ns", 1),
            "sop_instance_uid": one.get("uid"),
        }
        tables["crosswalk"].append(row("crosswalk", **common, **origin, **versioned))
        if reason := one.get("reason_code"):
            tables["instances"].append(row("instances", **common, state="rejected", reason_code=reason))
            tables["rejections"].append(row("rejections", **keys, reason_code=reason))
            continue
        tables["instances"].append(row("instances", **common, state="localized"))
        for name in ("predictions", "boxes", "attention"):
            tables[name].append(row(name, **keys, finding="Mass", rank=1) if name == "boxes" else row(name, **keys))
    arrow = {name: pa.Table.from_pylist(rows, schema=SCHEMAS[name]) for name, rows in tables.items()}
    lake.commit_shard(KEYS.config_fingerprint, shard_id, arrow)


def settled(lake: Lake, listed: dict[str, int], whole: bool = True) -> int:
    plan = Plan((), {path: (1, mtime_ns, None) for path, mtime_ns in listed.items()}, 0, 0)
    return settle(lake, KEYS, plan, whole)


def read(lake: Lake, table: str) -> list[dict[str, Any]]:
    names = SCHEMAS[table].names
    return lake.read_column_set(table, KEYS.config_fingerprint, names).to_pylist()


def test_a_changed_object_replaces_its_rows(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        commit(lake, "a", [{"path": "1.dcm"}, {"path": "2.dcm"}])
        commit(lake, "b", [{"path": "1.dcm", "mtime_ns": 9}])
        assert settled(lake, {"1.dcm": 9, "2.dcm": 1}) == 1
        for table in ("instances", "crosswalk", "boxes", "predictions", "attention"):
            assert sorted(one["shard_id"] for one in read(lake, table)) == ["a", "b"]
        assert settled(lake, {"1.dcm": 9, "2.dcm": 1}) == 0, "settling twice changes nothing"


def test_a_shard_of_which_nothing_is_left_disappears(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        commit(lake, "a", [{"path": "1.dcm"}])
        commit(lake, "b", [{"path": "1.dcm", "mtime_ns": 9}])
        settled(lake, {"1.dcm": 9})
        assert lake.shards(KEYS.config_fingerprint) == ["b"]
        assert [path.name for path in lake.folder("boxes").iterdir()] == [f"part-{'f' * 16}-b.parquet"]


def test_a_vanished_object_keeps_its_rows_marked_until_it_is_back(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        commit(lake, "a", [{"path": "1.dcm"}, {"path": "2.dcm"}])
        settled(lake, {"2.dcm": 1})
        assert sorted(one["vanished"] for one in read(lake, "instances")) == [False, True]
        assert len(read(lake, "boxes")) == 2
        settled(lake, {"2.dcm": 1}, whole=False)
        assert sorted(one["vanished"] for one in read(lake, "instances")) == [False, True], "a part tells nothing"
        settled(lake, {"1.dcm": 1, "2.dcm": 1})
        assert not any(one["vanished"] for one in read(lake, "instances"))


def test_of_one_instance_in_two_files_the_first_path_is_kept(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        commit(lake, "a", [{"path": "2.dcm", "uid": "1.2"}])
        commit(lake, "b", [{"path": "1.dcm", "uid": "1.2"}, {"path": "3.dcm", "uid": "1.3"}])
        settled(lake, {"1.dcm": 1, "2.dcm": 1, "3.dcm": 1})
        states = {one["object_key"]: (one["state"], one["reason_code"]) for one in read(lake, "instances")}
        assert states[KEYS.object_key("2.dcm")] == ("rejected", "duplicate_instance")
        assert states[KEYS.object_key("1.dcm")] == ("localized", None)
        assert len({one["instance_key"] for one in read(lake, "instances")}) == 3
        assert len(read(lake, "boxes")) == 2
        assert [one["reason_code"] for one in read(lake, "rejections")] == ["duplicate_instance"]
        assert settled(lake, {"1.dcm": 1, "2.dcm": 1, "3.dcm": 1}) == 0


def test_a_duplicate_whose_original_changed_is_planned_again(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        commit(lake, "a", [{"path": "1.dcm", "uid": "1.2"}])
        commit(lake, "b", [{"path": "2.dcm", "uid": "1.2"}])
        settled(lake, {"1.dcm": 1, "2.dcm": 1})
        commit(lake, "c", [{"path": "1.dcm", "uid": "1.9", "mtime_ns": 9}])
        settled(lake, {"1.dcm": 9, "2.dcm": 1})
        assert {one["path"] for one in read(lake, "crosswalk")} == {"1.dcm"}


def test_days_count_from_the_patients_first_study(tmp_path: Path) -> None:
    with writing(tmp_path / "lake") as lake:
        dates = {"1.dcm": "20200110", "2.dcm": "20200101", "3.dcm": "20190101", "4.dcm": "garbage"}
        patients = {"1.dcm": "A", "2.dcm": "A", "3.dcm": "B", "4.dcm": "A"}
        commit(lake, "a", [{"path": p, "patient_id": patients[p], "study_date": dates[p]} for p in dates])
        settled(lake, dict.fromkeys(dates, 1))
        days = {one["object_key"]: one["days_since_first_study"] for one in read(lake, "instances")}
        assert [days[KEYS.object_key(path)] for path in dates] == [9, 0, 0, None]


def test_what_a_server_could_not_give_is_asked_for_again_and_stands_there_once(tmp_path: Path) -> None:
    film = {"path": "1/2/3", "size": UNKNOWN_SIZE, "mtime_ns": 0}
    failed = film | {"reason_code": "unreadable_file"}
    with writing(tmp_path / "lake") as lake:
        commit(lake, "a", [failed, film | {"path": "1/2/4", "uid": "4"}])
        commit(lake, "b", [failed])
        assert set(read_harvested(lake, KEYS.config_fingerprint, "site")) == {"1/2/4"}
        plan = Plan((), dict.fromkeys(["1/2/3", "1/2/4"], (UNKNOWN_SIZE, 0, None)), 0, 0)
        settle(lake, KEYS, plan, whole=True)
        assert len(read(lake, "instances")) == len(read(lake, "crosswalk")) == 2
        commit(lake, "c", [film | {"uid": "3"}])
        settle(lake, KEYS, plan, whole=True)
        assert {one["state"] for one in read(lake, "instances")} == {"localized"}
        assert (len(read(lake, "instances")), read(lake, "rejections")) == (2, [])
        assert set(read_harvested(lake, KEYS.config_fingerprint, "site")) == {"1/2/3", "1/2/4"}
