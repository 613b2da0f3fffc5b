"""Planning: what is pending, in which shards, and that an interrupted run keeps its shards."""

from pathlib import Path

from harvest.identity import SiteKey
from harvest.lake import writing
from harvest.manifest import Plan, plan_shards, read_plan, version, write_plan
from harvest.records import ArchiveObject

KEY = SiteKey(bytes(32))


def listing(count: int, mtime_ns: int = 1) -> list[ArchiveObject]:
    return [ArchiveObject(f"{index:04}.png", 10, mtime_ns) for index in range(count)]


def plan(objects: list[ArchiveObject], done: list[ArchiveObject] | None = None, earlier: Plan | None = None) -> Plan:
    harvested = {one.path: {version(one)} for one in done or []}
    groups = [tuple((one.path, version(one)) for one in shard.objects) for shard in earlier.shards] if earlier else []
    return plan_shards(objects, harvested, groups, 4, KEY)


def test_nothing_listed_nothing_planned() -> None:
    assert plan([]).shards == ()


def test_shards_are_cut_in_path_order_and_named_by_content() -> None:
    first, second = plan(listing(10)), plan(listing(10))
    assert [len(shard.objects) for shard in first.shards] == [4, 4, 2]
    assert first == second
    assert len({shard.shard_id for shard in first.shards}) == 3
    assert plan(listing(10, mtime_ns=2)).shards[0].shard_id != first.shards[0].shard_id


def test_what_is_harvested_is_not_planned_and_what_changed_is() -> None:
    again = plan([*listing(9), ArchiveObject("9999.png", 10, 7)], done=[*listing(9), ArchiveObject("9999.png", 10, 1)])
    assert [one.path for shard in again.shards for one in shard.objects] == ["9999.png"]
    assert (again.new, again.changed) == (0, 1)


def test_a_changed_label_is_a_change() -> None:
    labeled = ArchiveObject("0000.png", 10, 1, labels="Mass")
    assert plan([labeled], done=listing(1)).changed == 1


def test_a_cut_off_run_keeps_its_shards_when_objects_come_before_them() -> None:
    before = plan(listing(10))
    late = ArchiveObject("0000-late.png", 5, 5)
    resumed = plan(sorted([*listing(10), late]), done=listing(4), earlier=before)
    assert [shard.shard_id for shard in resumed.shards[:2]] == [shard.shard_id for shard in before.shards[1:]]
    assert [one.path for one in resumed.shards[2].objects] == ["0000-late.png"]


def test_a_plan_is_read_back_as_written(tmp_path: Path) -> None:
    made = plan(listing(6))
    with writing(tmp_path / "lake") as lake:
        write_plan(lake, "run", made)
        groups = read_plan(lake, "run")
        assert read_plan(lake, "another") == []
    assert [[path for path, _ in group] for group in groups] == [
        [one.path for one in shard.objects] for shard in made.shards
    ]
