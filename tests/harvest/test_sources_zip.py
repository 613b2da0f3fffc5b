"""Zip files of every make, read as Python's own zipfile reads them; those that lie are refused or rejected."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import open_source

LIMIT = 10**6
FILES = {"a.png": b"aaa", "deep/b.dcm": bytes(5000), "é日.jpg": b"c"}


def pack(path: Path, files: dict[str, bytes] = FILES, way: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", way) as packed:
        packed.mkdir("empty")
        for name, data in files.items():
            packed.writestr(name, data)
    return path


def contents(path: Path) -> dict[str, bytes]:
    source = open_source(str(path))
    listed = list(source.iter_objects())
    assert [source.look_up(one.path) for one in listed] == listed  # type: ignore[attr-defined]
    data = {one.path: source.read_bytes(one.path, LIMIT) for one in listed}
    assert {one.path: one.size for one in listed} == {name: len(one) for name, one in data.items()}
    return data


@pytest.mark.parametrize("way", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("limit", [2**31 - 1, 10])
def test_files_are_found_also_where_numbers_need_64_bits(
    tmp_path: Path, way: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", min(limit, 2**16 - 1) // 5)
    assert contents(pack(tmp_path / "a.zip", way=way)) == FILES


def test_a_zip_file_may_lie_behind_a_program_and_end_in_a_comment(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as packed:
        packed.comment = b"PK\x05\x07 is no mark" * 99
    path.write_bytes(b"#!/bin/sh\n" * 99 + path.read_bytes())
    assert contents(path) == FILES


def test_of_files_with_one_name_the_last_counts_and_paths_ascend(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"b": b"1", "a": b"2", "./c": b"3"})
    with zipfile.ZipFile(path, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("b", b"4")
    assert list(contents(path).items()) == [("a", b"2"), ("b", b"4"), ("c", b"3")]


def test_names_without_unicode_are_of_the_old_code_page(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"film-?.png": b"x"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"film-?", b"film-\x81"))
    assert contents(path) == {"film-ü.png": b"x"}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_zip_file_with_wrong_bytes_is_refused_or_its_films_are_rejected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = pack(tmp_path_factory.mktemp("zip") / "a.zip")
    raw = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(len(raw) - 30, len(raw)))])
    try:
        source = open_source(str(path))
        for one in source.iter_objects():
            try:
                assert len(source.read_bytes(one.path, LIMIT)) == one.size
            except RejectedError as error:
                assert error.reason in (Reason.UNREADABLE_FILE, Reason.EMPTY_FILE, Reason.FILE_TOO_LARGE)
    except ArchiveError as error:
        assert "cannot be read as a zip archive" in str(error)
