"""A directory tree as an archive: complete, ordered, never out of its root, never blocked."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import LocalTree, open_source

LIMIT = 1000
NAMES = ["a", "ab", "a.b", "a-b", "é", "B"]


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def paths(root: Path) -> list[str]:
    return [one.path for one in open_source(str(root)).iter_objects()]


def reason(source: LocalTree, path: str, limit: int = LIMIT) -> Reason:
    with pytest.raises(RejectedError) as caught:
        source.read_bytes(path, limit)
    return caught.value.reason


def test_an_empty_directory_is_an_empty_archive(tmp_path: Path) -> None:
    assert paths(tmp_path) == []
    assert open_source(str(tmp_path)).name == tmp_path.name


def test_a_single_file_is_an_archive_of_one(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.png")
    source = open_source(str(tmp_path / "b.png"), "films")
    (only,) = source.iter_objects()
    assert (only.path, only.size, source.name) == ("b.png", 5, "films")
    assert source.read_bytes("b.png", LIMIT) == b"b.png"


def test_nothing_there_is_said_clearly(tmp_path: Path) -> None:
    for location in (str(tmp_path / "none"), "ftp://host/films", "s3://", "/dev/null"):
        with pytest.raises(ArchiveError, match="give"):
            open_source(location)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple), max_size=12))
def test_paths_ascend_as_strings(tmp_path_factory: pytest.TempPathFactory, names: set[tuple[str, ...]]) -> None:
    root = tmp_path_factory.mktemp("tree")
    expected = ["/".join(parts) + "/f" for parts in names]
    write(root, *expected)
    assert paths(root) == sorted(expected)


def test_hidden_files_are_objects_and_special_files_are_counted(tmp_path: Path) -> None:
    write(tmp_path, ".hidden", "DICOMDIR", "deep/er/film.dcm")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))
        source = LocalTree(tmp_path)
        assert [one.path for one in source.iter_objects()] == [".hidden", "DICOMDIR", "deep/er/film.dcm"]
    assert source.skipped == {"special_file": 2}
    assert reason(source, "pipe") is Reason.UNREADABLE_FILE


def test_links_lead_neither_out_nor_round_in_circles(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    write(root, "real/film.png")
    write(tmp_path, "secret.png")
    (root / "inside.png").symlink_to("real/film.png")
    (root / "outside.png").symlink_to(tmp_path / "secret.png")
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "dangling").symlink_to("nowhere")
    source = LocalTree(root)
    assert [one.path for one in source.iter_objects()] == ["inside.png", "real/film.png"]
    assert source.read_bytes("inside.png", LIMIT) == b"real/film.png"
    assert source.skipped == {"link_outside": 1, "link_to_directory": 1, "unreachable": 2}
    assert reason(source, "outside.png") is Reason.UNREADABLE_FILE
    assert reason(source, "../secret.png") is Reason.UNREADABLE_FILE


def test_names_that_are_not_utf8_can_be_listed_and_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"film-\xff.png")
    (tmp_path / name).write_bytes(b"x")
    (only,) = LocalTree(tmp_path).iter_objects()
    assert only.path == "film-\\xff.png"
    assert LocalTree(tmp_path).read_bytes(only.path, LIMIT) == b"x"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, "film.png")
    (tmp_path / "empty").touch()
    source = LocalTree(tmp_path)
    assert reason(source, "empty") is Reason.EMPTY_FILE
    assert reason(source, "film.png", limit=7) is Reason.FILE_TOO_LARGE
    assert reason(source, "gone.png") is Reason.UNREADABLE_FILE
    assert reason(source, "nul\0.png") is Reason.UNREADABLE_FILE
    assert source.read_bytes("film.png", 8) == b"film.png"


def test_a_file_that_grows_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "film.png")
    taken = os.fstat

    def grow_then_stat(descriptor: int) -> os.stat_result:
        status = taken(descriptor)
        with (tmp_path / "film.png").open("ab") as file:
            file.write(b"more")
        return status

    monkeypatch.setattr("harvest.sources.local.os.fstat", grow_then_stat)
    assert reason(LocalTree(tmp_path), "film.png") is Reason.FILE_CHANGED
