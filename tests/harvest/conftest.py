"""Fixtures of the harvest: an upright grey film and DICOM files of it, a small archive."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset

from harvest.phantom.sketch import sketch_chest

MakeDicom = Callable[..., bytes]
StartServer = Callable[..., "subprocess.Popen[bytes]"]


def _dataset(stored: npt.NDArray[Any], tags: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = uid.ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "CR", "CHEST", "PA"
    dataset.PatientID, dataset.StudyDate = "P1", "20200131"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    for keyword, value in tags.items():
        if value is None:
            del dataset[keyword]
        elif isinstance(value, DataElement):
            dataset.add(value)
        else:
            setattr(dataset, keyword, value)
    if "HighBit" not in dataset:
        dataset.HighBit = dataset.BitsStored - 1
    return dataset


def _dicom(stored: npt.NDArray[Any], syntax: str = uid.ExplicitVRLittleEndian, **tags: Any) -> bytes:
    """Return a chest film as a DICOM file; keywords set tags (a DataElement as it is), None removes one."""
    syntax = uid.UID(syntax)
    dataset = _dataset(stored, tags)
    order = "<" if syntax.is_little_endian else ">"
    value = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    if stored.dtype.itemsize == 1 and order == ">":
        value = value + b"\0" * (len(value) % 2)
    dataset.PixelData = value + b"\0" * (len(value) % 2)
    dataset["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax.is_compressed else syntax
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def make_dicom() -> MakeDicom:
    """Call with stored values (rows, columns), a transfer syntax and tags; returns the bytes of a DICOM file."""
    return _dicom


@pytest.fixture(scope="session")
def film() -> npt.NDArray[np.uint8]:
    """(90, 70) uint8: dark lungs, bright middle and bottom, a bright spot in one of them; no symmetry; 0 to 255."""
    grey = sketch_chest(1, 90, 70).astype(float)
    grey[35:41, 48:55] += 70
    spread = (grey - grey.min()) / (grey.max() - grey.min())
    return np.rint(spread * 255).astype(np.uint8)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def dicom_port() -> int:
    """A loopback port that nothing listens on."""
    return free_port()


PASS = (  # for the account and key that every Azure emulator has
    "sv=2021-08-06&ss=b&srt=sco&sp=rwdlc&"
    "se=2099-01-01T00%3A00%3A00Z&sig=QasnztzZZ0YhpTIK8Qxshc1teEr7mrIN%2Bb80giC8nHs%3D"
)


def make_container(address: str, name: str) -> None:
    """Make a container as soon as the emulator answers."""
    url = f"{address}/devstoreaccount1/{name}?restype=container&{PASS}"
    for _ in range(300):
        with suppress(URLError):
            urllib.request.urlopen(urllib.request.Request(url, method="PUT")).close()
            return
        time.sleep(0.1)


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Azurite on loopback, empty but for a container ``hospital``; the environment points to it."""
    if shutil.which("azurite-blob") is None:
        pytest.skip("Azurite is not installed (npm install -g azurite)")
    port = free_port()
    command = ["azurite-blob", "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    with subprocess.Popen([*command, "--blobPort", str(port)]) as emulator:
        try:
            monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
            monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", f"http://127.0.0.1:{port}")
            make_container(f"http://127.0.0.1:{port}", "hospital")
            yield
        finally:
            emulator.terminate()


class Orthanc:
    """A PACS of its own, for loopback only; it keeps its films when it is stopped and started.

    It can send to ``receiver_port``, and to nobody else.
    """

    USER, PASSWORD = "reader", "not-for-logs"
    PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")

    def __init__(self, directory: Path, start: StartServer) -> None:
        self.port, self.receiver_port = free_port(), free_port()
        self._start = start
        settings = {
            "StorageDirectory": str(directory / "db"),
            "IndexDirectory": str(directory / "db"),
            "HttpPort": self.port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {self.USER: self.PASSWORD},
            "Plugins": [str(self.PLUGIN)],
        }
        self.settings = directory / "orthanc.json"
        self.settings.write_text(json.dumps(settings))
        self._log = directory / "orthanc.log"

    @property
    def url(self) -> str:
        return f"dicomweb+http://127.0.0.1:{self.port}/dicom-web"

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = ["Orthanc", str(self.settings)]
            self._process = self._start(command, self.port, self.receiver_port, stdout=log, stderr=log)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError(self._log.read_text())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def store(self, data: bytes) -> None:
        self._ask("POST", "instances", data)

    def send_all(self, title: str) -> None:
        """Send every film by C-STORE."""
        receiver = {"AET": title, "Host": "127.0.0.1", "Port": self.receiver_port}
        self._ask("PUT", "modalities/receiver", json.dumps(receiver).encode())
        self._ask("POST", "modalities/receiver/store", self._ask("GET", "instances"))

    def _ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        place = f"http://127.0.0.1:{self.port}/{path}"
        passwords.add_password(None, place, self.USER, self.PASSWORD)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(urllib.request.Request(place, data, method=method)) as answer:
            return bytes(answer.read())


@pytest.fixture
def orthanc(
    tmp_path_factory: pytest.TempPathFactory, in_namespace: StartServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Orthanc]:
    """Debian's Orthanc with its DICOMweb plugin, running and empty; the environment holds its password."""
    if shutil.which("Orthanc") is None or not Orthanc.PLUGIN.exists():
        pytest.skip("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb)")
    monkeypatch.setenv("DICOMWEB_USER", Orthanc.USER)
    monkeypatch.setenv("DICOMWEB_PASSWORD", Orthanc.PASSWORD)
    server = Orthanc(tmp_path_factory.mktemp("orthanc"), in_namespace)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sketched_films(tmp_path: Path) -> Path:
    """Directory of six sketches of a chest, portrait."""
    (tmp_path / "archive").mkdir()
    for index in range(6):
        picture = Image.fromarray(sketch_chest(index, 270, 210))
        picture.save(tmp_path / "archive" / f"film{index}.png")
    return tmp_path / "archive"
