"""The inbox and its settings: a film lies there whole or not at all, and strangers are not let in by oversight."""

import errno
from pathlib import Path

import pytest
from pydantic import ValidationError

from harvest.receiving.inbox import open_inbox
from harvest.receiving.spec import ReceiverSpec
from harvest.sources import open_source


def films(folder: Path) -> list[bytes]:
    source = open_source(str(folder))
    return [source.read_bytes(one.path, 1000) for one in source.iter_objects()]


def test_a_film_is_synced_before_it_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, list[bytes]]] = []
    monkeypatch.setattr("harvest.files.sync", lambda path: seen.append((path.name[:5], films(tmp_path))))
    with open_inbox(tmp_path) as inbox:
        assert inbox.land("1.2", b"film") == "new"
    assert seen[0] == ("film-", [])
    assert seen[1][1] == [b"film"]
    assert len(seen) == 2


def test_a_film_that_cannot_be_synced_never_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_inbox(tmp_path) as inbox:
        assert inbox.land("1.2", b"first") == "new"
        with monkeypatch.context() as broken:
            broken.setattr("harvest.files.os.fsync", raise_error)
            with pytest.raises(OSError, match="error"):
                inbox.land("1.2", b"second")
        assert films(tmp_path) == [b"first"]
        assert inbox.land("1.2", b"second") == "changed"
        assert inbox.land("1.2", b"second") == "again"
        assert inbox.land("1.3", b"second") == "new"
    assert films(tmp_path) == [b"second"] * 2
    assert not list(tmp_path.rglob("film-*"))


def raise_error(_: int) -> None:
    raise OSError(errno.EIO, "error of the disk")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"bind": "0.0.0.0"}, "others can reach 0.0.0.0"),
        ({"bind": "pacs.example"}, "--allow"),
        ({"ae_title": "A\\B"}, "AE title"),
        ({"ae_title": "A" * 17}, "AE title"),
        ({"allow": [" "]}, "AE title"),
        ({"port": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, options: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ReceiverSpec.model_validate({"inbox": tmp_path} | options)


@pytest.mark.parametrize("options", [{"bind": "::1"}, {"bind": "localhost"}, {"bind": "0.0.0.0", "allow": ["MY PACS"]}])
def test_who_may_reach_it_may_be_chosen(tmp_path: Path, options: dict[str, object]) -> None:
    assert ReceiverSpec.model_validate({"inbox": tmp_path} | options).inbox == tmp_path
