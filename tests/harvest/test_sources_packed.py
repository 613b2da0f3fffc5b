"""Lists, zip and tar files, DICOMDIR: every film once, nothing written, nothing read from outside, bounds kept."""

import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from harvest.errors import ArchiveError, Reason, RejectedError
from harvest.sources import UNKNOWN_SIZE, Source, open_source

LIMIT = 1000
FILES = {"a.png": b"aaa", "deep/b.dcm": b"bbbb", "deep/er/c.jpg": b"c"}


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def pack_tar(path: Path, files: dict[str, bytes], mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def pack_zip(path: Path, files: dict[str, bytes], way: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", way) as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6)), data, way)
    return path


def contents(source: Source) -> dict[str, bytes]:
    return {one.path: source.read_bytes(one.path, LIMIT) for one in source.iter_objects()}


def rejection(source: Source, path: str, limit: int = LIMIT) -> tuple[Reason, str]:
    with pytest.raises(RejectedError) as caught:
        source.read_bytes(path, limit)
    return caught.value.reason, caught.value.message


@pytest.fixture(params=["folder", "zip", "tar", "tar.gz", "csv", "parquet"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """The same three files, served in six ways under the name ``films``."""
    folder, path = write(tmp_path / "films", FILES), tmp_path / f"films.{request.param}"
    match request.param:
        case "folder":
            return open_source(str(folder))
        case "zip":
            pack_zip(path, FILES)
        case "tar" | "tar.gz":
            pack_tar(path, dict(reversed(FILES.items())), "w:gz" if request.param == "tar.gz" else "w")
        case "csv":
            path.write_text("\n".join(FILES))
        case "parquet":
            pq.write_table(pa.table({"age": [9, 9, 9], "path": [str(folder / name) for name in FILES]}), path)
    return open_source(str(path), root=str(folder))


def test_the_same_files_are_listed_and_read_whatever_holds_them(source: Source) -> None:
    listed = list(source.iter_objects())
    assert [(one.path, one.size) for one in listed] == [("a.png", 3), ("deep/b.dcm", 4), ("deep/er/c.jpg", 1)]
    assert contents(source) == FILES
    assert (source.name, source.lists_everything) == ("films", True)
    assert list(source.iter_objects()) == listed
    assert rejection(source, "deep/b.dcm", limit=3)[0] is Reason.FILE_TOO_LARGE
    assert rejection(source, "gone.png")[0] is Reason.UNREADABLE_FILE


def test_paths_of_a_list_begin_at_the_list(tmp_path: Path) -> None:
    write(tmp_path / "films", FILES)
    (tmp_path / "tonight.csv").write_text("\ufeffPath\nfilms/a.png\n\nfilms/a.png\nfilms/../films/deep/b.dcm\n")
    assert contents(open_source(str(tmp_path / "tonight.csv"))) == {"films/a.png": b"aaa", "films/deep/b.dcm": b"bbbb"}


def test_a_list_can_choose_from_a_packed_archive(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("deep/b.dcm\n")
    packed = pack_zip(tmp_path / "films.zip", FILES)
    assert contents(open_source(str(tmp_path / "list.csv"), root=str(packed))) == {"deep/b.dcm": b"bbbb"}


def test_what_a_list_names_in_vain_is_an_object_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.png": b"s", "films/a.png": b"a"})
    (tmp_path / "films" / "list.csv").write_text("gone.png\n../secret.png\na.png\n")
    source = open_source(str(tmp_path / "films" / "list.csv"))
    assert [one.size for one in source.iter_objects()] == [UNKNOWN_SIZE, 1, UNKNOWN_SIZE]
    for path in ("gone.png", "../secret.png"):
        assert rejection(source, path)[0] is Reason.UNREADABLE_FILE


@pytest.mark.parametrize("content", [b"name,age\na.png,3\n", b"\xff\xfe\x00path"])
def test_a_list_that_is_none_is_said_clearly(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(ArchiveError, match="list"):
        open_source(str(tmp_path / "list.csv"))


def test_members_that_lead_out_are_names_and_nothing_is_written(tmp_path: Path) -> None:
    outside = {"../../out.png": b"x", "/etc/out.png": b"y", "./in.png": b"z"}
    os.chdir(tmp_path)
    pack_zip(tmp_path / "a.zip", outside)
    pack_tar(tmp_path / "b.tar", outside)
    before = sorted(tmp_path.parent.rglob("*"))
    for name in ("a.zip", "b.tar"):
        assert set(contents(open_source(str(tmp_path / name)))) == {"../../out.png", "/etc/out.png", "in.png"}
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_links_in_a_tar_file_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"odd{kind!r}")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    assert contents(open_source(str(tmp_path / "a.tar"))) == {}


def test_names_in_a_tar_file_that_are_not_utf8_are_written_as_those_of_a_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        info = tarfile.TarInfo("film-ÿ.png")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    assert contents(open_source(str(tmp_path / "a.tar"))) == {"film-\\xff.png": b"x"}


def test_a_bomb_does_not_unpack(tmp_path: Path) -> None:
    lie = pack_zip(tmp_path / "a.zip", {"bomb.png": bytes(10**6)})
    data = lie.read_bytes().replace((10**6).to_bytes(4, "little"), (900).to_bytes(4, "little"))
    lie.write_bytes(data)
    honest = pack_zip(tmp_path / "b.zip", {"bomb.png": bytes(10**6)})
    assert rejection(open_source(str(honest)), "bomb.png")[0] is Reason.FILE_TOO_LARGE
    assert rejection(open_source(str(lie)), "bomb.png")[0] is Reason.UNREADABLE_FILE


def test_a_tar_file_that_unpacks_beyond_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harvest.sources.tarred.ALWAYS_UNPACKED", 10_000)
    bomb = pack_tar(tmp_path / "a.tar.gz", {"one": bytes(10**7)}, "w:gz")
    with pytest.raises(ArchiveError, match="times its size"):
        open_source(str(bomb))


def test_members_that_cannot_be_unpacked_are_rejected_by_name(tmp_path: Path) -> None:
    other = pack_zip(tmp_path / "lzma.zip", {"a.png": b"a" * 99}, zipfile.ZIP_LZMA)
    assert "deflate" in rejection(open_source(str(other)), "a.png")[1]
    locked = pack_zip(tmp_path / "locked.zip", {"a.png": b"a" * 99})
    data = bytearray(locked.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)
    assert "password" in rejection(open_source(str(locked)), "a.png")[1]
    broken = pack_zip(tmp_path / "broken.zip", {"a.png": b"a" * 99}, zipfile.ZIP_STORED)
    broken.write_bytes(broken.read_bytes().replace(b"aaaa", b"aaba", 1))
    assert "broken" in rejection(open_source(str(broken)), "a.png")[1]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz", "DICOMDIR"])
def test_what_is_not_what_its_name_says_is_said_clearly(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no such thing" * 100)
    with pytest.raises(ArchiveError, match="cannot be read as a"):
        list(open_source(str(tmp_path / name)).iter_objects())


def test_a_packed_file_that_changed_is_seen_in_the_listing(tmp_path: Path) -> None:
    before = list(open_source(str(pack_zip(tmp_path / "a.zip", {"a.png": b"one"}))).iter_objects())
    after = list(open_source(str(pack_zip(tmp_path / "a.zip", {"a.png": b"two"}))).iter_objects())
    assert before[0].size == after[0].size
    assert before[0].mtime_ns != after[0].mtime_ns


def test_a_dicomdir_names_the_files_of_its_disc_and_no_others(tmp_path: Path) -> None:
    write(tmp_path, {"secret": b"s", "disc/IMAGES/IM1": b"one", "disc/images/im2": b"two", "disc/OTHER": b"unlisted"})
    records = []
    for file_id in ("IMAGES\\IM1", "IMAGES\\IM2", "..\\secret", None):
        record = Dataset()
        record.DirectoryRecordType = "IMAGE" if file_id else "PATIENT"
        if file_id:
            record.ReferencedFileID = file_id.split("\\")
        records.append(record)
    dataset = Dataset()
    dataset.DirectoryRecordSequence = records
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2"
    dataset.save_as(tmp_path / "disc" / "DICOMDIR", enforce_file_format=True)
    source = open_source(str(tmp_path / "disc" / "DICOMDIR"))
    listed = {one.path: one.size for one in source.iter_objects()}
    assert listed == {"../secret": UNKNOWN_SIZE, "IMAGES/IM1": 3, "images/im2": 3}
    assert source.read_bytes("images/im2", LIMIT) == b"two"
    assert rejection(source, "../secret")[0] is Reason.UNREADABLE_FILE
    assert source.name == "disc"
