"""The receiver of C-STORE, with real senders: dcmtk's, and pynetdicom's where more is to be seen."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, uid
from pynetdicom import AE
from pynetdicom.association import Association

from harvest.decode.layout import NATIVE, PLUGINS
from harvest.errors import ReceiverError
from harvest.receiving.receiver import STORAGE, receiving
from harvest.receiving.spec import ReceiverSpec
from harvest.sources import open_source

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not installed (apt-get install dcmtk)"),
]
MakeDicom = Callable[..., bytes]
CR = uid.ComputedRadiographyImageStorage
OUT_OF_RESOURCES = 0xA700


class Receiver:
    """A receiver in a process of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port, self.inbox = port, folder / "inbox"

    def start(self, *options: str, limit: str = "unlimited") -> None:
        command = [sys.executable, "-m", "flows", "receive", str(self.inbox), "--port", str(self.port), *options]
        shell = ["bash", "-c", f'ulimit -f {limit} && exec "$@"', "bash", *command]
        self.process = subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        assert "receives on" in self.process.stdout.readline()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> str:
        """End it, and return what it said."""
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=60)
        return said

    def send(self, *paths: Path, title: str = "STORESCU") -> "subprocess.CompletedProcess[str]":
        command = ["storescu", "-v", "-aet", title, "-aec", "IAMHARVEST", "127.0.0.1", str(self.port), *map(str, paths)]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def films(self) -> dict[str, Path]:
        """What a run over the inbox would see: files by SOP instance UID."""
        listed = [self.inbox / one.path for one in open_source(str(self.inbox)).iter_objects()]
        return {str(dcmread(path).SOPInstanceUID): path for path in listed}


@pytest.fixture
def receiver(tmp_path: Path, dicom_port: int) -> Iterator[Receiver]:
    one = Receiver(tmp_path, dicom_port)
    yield one
    if one.process.poll() is None:
        one.stop(signal.SIGKILL)


@pytest.fixture
def draw(make_dicom: MakeDicom, film: Any, tmp_path: Path) -> Callable[..., Path]:
    """Write a film with a number, and pixels in so many copies."""

    def write(number: int, size: int = 1, **tags: Any) -> Path:
        (tmp_path / "films").mkdir(exist_ok=True)
        path = tmp_path / "films" / f"{number}.dcm"
        stored = film.repeat(size, axis=0).repeat(size, axis=1)
        names = {"SOPInstanceUID": f"1.2.3.{number}", "PatientID": "SECRET-ID", "PatientName": "Secret^Name"}
        path.write_bytes(make_dicom(stored, **names | tags))
        return path

    return write


def associate(port: int, title: str = "SENDER") -> Association:
    entity = AE(title)
    entity.add_requested_context(CR, uid.ExplicitVRLittleEndian)
    return entity.associate("127.0.0.1", port, ae_title="IAMHARVEST")


def status(association: Association, path: Path) -> int | None:
    """Send a film; None: no answer, or nobody to send to."""
    try:
        answer = association.send_c_store(path)
    except RuntimeError:
        return None
    return answer.Status if answer else None


def test_films_land_once_as_they_were_sent_and_nothing_names_a_patient(receiver: Receiver, draw: Any) -> None:
    receiver.start()
    echo = ["echoscu", "-aec", "IAMHARVEST", "127.0.0.1", str(receiver.port)]
    assert subprocess.run(echo, check=False).returncode == 0
    sent = [draw(1), draw(2)]
    assert receiver.send(*sent).returncode == 0
    films = receiver.films()
    assert [dcmread(films[f"1.2.3.{number}"]) for number in (1, 2)] == [dcmread(path) for path in sent]
    times = {path: path.stat().st_mtime_ns for path in films.values()}
    assert receiver.send(*sent).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in receiver.films().values()} == times
    assert receiver.send(draw(2, StudyDate="20210101")).returncode == 0
    assert dcmread(receiver.films()["1.2.3.2"]).StudyDate == "20210101"
    said = receiver.stop()
    assert receiver.process.returncode == 0
    assert "2 new, 0 again, 0 changed, 0 refused" in said
    assert "0 new, 2 again, 0 changed" in said
    told = said + " ".join(map(str, receiver.inbox.rglob("*")))
    assert not [word for word in ("SECRET", "Secret", "1.2.3", "1.2.826") if word in told]


def test_what_cannot_be_written_is_refused_and_lands_later(receiver: Receiver, draw: Any) -> None:
    receiver.start(limit="64")  # files of 64 KiB
    small, large = draw(1), draw(2, size=5)
    said = receiver.send(small, large).stdout
    assert "Success" in said
    assert "OutOfResources" in said
    assert set(receiver.films()) == {"1.2.3.1"}
    assert "cannot be written" in receiver.stop()
    assert not list(receiver.inbox.rglob("film-*"))
    receiver.start()
    assert receiver.send(large).returncode == 0
    assert set(receiver.films()) == {"1.2.3.1", "1.2.3.2"}


def test_what_was_acknowledged_is_there_and_whole_after_a_kill(receiver: Receiver, draw: Any) -> None:
    receiver.start()
    association, acknowledged = associate(receiver.port), []
    for number in range(12):
        if number == 8:
            receiver.stop(signal.SIGKILL)
        if status(association, draw(number)) == 0:
            acknowledged.append(f"1.2.3.{number}")
    association.abort()
    assert len(acknowledged) == 8
    assert set(receiver.films()) == set(acknowledged)
    half = receiver.inbox / ".iam-harvest-receiving" / "film-half"
    half.write_bytes(b"what a killed receiver leaves")
    assert set(receiver.films()) == set(acknowledged)
    receiver.start()
    assert not half.exists()


def test_an_open_association_ends_its_work_and_no_other_begins(receiver: Receiver, draw: Any) -> None:
    receiver.start()
    association = associate(receiver.port)
    os.kill(receiver.process.pid, signal.SIGTERM)
    while associate(receiver.port).is_established:
        time.sleep(0.1)
    assert status(association, draw(1)) == 0
    association.release()
    receiver.process.wait(timeout=60)
    assert receiver.process.returncode == 0
    assert set(receiver.films()) == {"1.2.3.1"}


@pytest.fixture
def spec(tmp_path: Path, dicom_port: int) -> ReceiverSpec:
    return ReceiverSpec(inbox=tmp_path / "inbox", port=dicom_port, max_mib=1)


def test_every_syntax_that_is_decoded_is_accepted(spec: ReceiverSpec) -> None:
    entity = AE()
    for storage in STORAGE:
        for syntax in [*NATIVE, *PLUGINS]:
            entity.add_requested_context(storage, syntax)
    entity.add_requested_context(uid.CTImageStorage, uid.ExplicitVRLittleEndian)
    with receiving(spec):
        association = entity.associate("127.0.0.1", spec.port, ae_title="IAMHARVEST")
        assert len(association.accepted_contexts) == 64
        assert [one.abstract_syntax for one in association.rejected_contexts] == [uid.CTImageStorage]
        association.release()


def test_what_is_too_large_is_refused_and_the_rest_is_taken(spec: ReceiverSpec, draw: Any) -> None:
    large, small = draw(1, size=16), draw(2)
    with receiving(spec):
        association = associate(spec.port)
        assert status(association, large) == OUT_OF_RESOURCES
        assert status(association, small) == 0
        association.release()
    assert len(list(open_source(str(spec.inbox)).iter_objects())) == 1


def test_only_those_allowed_may_send(spec: ReceiverSpec, draw: Any) -> None:
    with receiving(spec.model_copy(update={"allow": ("WARD", "PACS")})):
        assert not associate(spec.port, "STRANGER").is_established
        association = associate(spec.port, "WARD")
        assert status(association, draw(1)) == 0
        association.release()


def test_an_inbox_and_a_port_have_one_receiver(spec: ReceiverSpec, tmp_path: Path) -> None:
    other = spec.model_copy(update={"inbox": tmp_path / "other"})
    with receiving(spec):
        with pytest.raises(ReceiverError, match="Another process"), receiving(spec):
            pass
        with pytest.raises(ReceiverError, match="Cannot listen"), receiving(other):
            pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(ReceiverError, match="Cannot write"),
        receiving(spec.model_copy(update={"inbox": tmp_path / "file"})),
    ):
        pass
