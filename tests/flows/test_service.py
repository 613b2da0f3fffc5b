"""``iam-harvest serve`` as an operator meets it: real server and worker, films that come in, an end, a sudden death."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE

from flows.prefect_server import free_port
from harvest.phantom.archive import PhantomRange, write_archive
from harvest.store import query

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]

SERVICE = """
[server]
port = {port}
{server}
[watch]
metrics = "metrics"
json_logs = true
[receiver]
inbox = "ward"
port = {dicom_port}
[harvests.ward]
archive = "ward"
model = "{model}"
lake = "lake"
every = 15
settings = "settings.toml"
"""
Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def dicom_port() -> int:
    return free_port()


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, small_archive: Path, tiny_bundle_path: Path, tmp_path: Path, dicom_port: int
) -> Path:
    """A service's directory; the archive holds three films, more lie beside it."""
    (tmp_path / "ward").mkdir()
    for number in range(3):
        bring(small_archive, tmp_path, number)
    database = request.getfixturevalue("postgres") if "postgres" in request.fixturenames else None
    server = f'database = "{database}"' if database else ""
    text = SERVICE.format(port=free_port(), dicom_port=dicom_port, model=tiny_bundle_path, server=server)
    (tmp_path / "service.toml").write_text(text)
    (tmp_path / "settings.toml").write_text("[storage]\nshard_size = 1\n")
    return tmp_path


def bring(small_archive: Path, folder: Path, number: int) -> None:
    (folder / "ward" / f"film{number}.png").hardlink_to(small_archive / f"patient-{number:02}.png")


def send(folder: Path, port: int) -> None:
    """Send a film as a PACS does."""
    write_archive(folder / "pacs", PhantomRange(1, "dicom", long_side=256), workers=1)
    (film,) = (folder / "pacs" / "images").rglob("*.dcm")
    header = dcmread(film)
    entity = AE()
    entity.add_requested_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title="IAMHARVEST")
    assert association.send_c_store(film).Status == 0
    association.release()


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start the service; whatever is left of it at the end is killed."""

    def service() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "flows", "serve", str(folder / "service.toml")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        with (folder / "service.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder)

    yield service
    for process in processes(folder):
        os.kill(process, signal.SIGKILL)


@pytest.fixture
def postgres() -> Iterator[str]:
    """URL of an empty database of a PostgreSQL server of its own."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # it refuses root
    port, here = free_port(), tempfile.mkdtemp(prefix="iam-harvest-postgres-")
    if as_user:
        shutil.chown(here, "postgres")
    control = [*as_user, str(programs[-1].with_name("pg_ctl")), "-D", f"{here}/data", "-w"]
    subprocess.run([*as_user, programs[-1], "-D", f"{here}/data", "-U", "harvest", "-A", "trust"], check=True, cwd=here)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={here}"
    subprocess.run([*control, "-o", options, "-l", f"{here}/log", "start"], check=True, cwd=here)
    yield f"postgresql+asyncpg://harvest@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=here)
    shutil.rmtree(here)


def processes(folder: Path) -> list[int]:
    """Ids of the processes of a service, known by Prefect's home in their environment or the file in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"PREFECT_HOME={folder}/".encode() in words or f"{folder}/service.toml".encode() in words:
                found.append(int(entry.name))
    return found


def until(condition: Callable[[], bool], service: "subprocess.Popen[bytes]", folder: Path) -> None:
    while not condition():
        assert service.poll() is None, (folder / "service.log").read_text()[-3000:]
        time.sleep(0.5)


def runs(folder: Path) -> list[tuple[str, int]]:
    """Status and number of films of the runs that the lake shows, in their order."""
    if not (folder / "lake" / "harvest.duckdb").exists():
        return []
    rows = query(folder / "lake", "SELECT status, objects FROM runs ORDER BY run_id").to_pylist()
    return [(row["status"], row["objects"]) for row in rows]


def test_a_service_harvests_what_comes_in_and_ends_without_leftovers(
    folder: Path, start: Start, small_archive: Path, dicom_port: int
) -> None:
    service = start()
    until(lambda: runs(folder) == [("complete", 3)], service, folder)
    bring(small_archive, folder, 3)
    until(lambda: runs(folder) == [("complete", 3), ("complete", 1)], service, folder)
    send(folder, dicom_port)
    until(lambda: runs(folder) == [("complete", 3), ("complete", 1), ("complete", 1)], service, folder)
    until(lambda: (folder / "metrics" / "iam_harvest_ward.prom").exists(), service, folder)
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=120) == 0
    assert processes(folder) == []
    said = (folder / "service.log").read_text()
    assert "ward: every 15 s, and now" in said
    assert '"severity":"INFO"' in said


def test_a_service_that_was_killed_in_a_run_goes_on_with_it(folder: Path, start: Start) -> None:
    service = start()
    parts = folder / "lake" / "private" / "crosswalk"
    until(lambda: parts.is_dir() and any(parts.glob("part-*")), service, folder)
    while alive := processes(folder):
        for process in alive:
            os.kill(process, signal.SIGKILL)
        service.wait()
        time.sleep(0.2)
    service = start()
    until(lambda: runs(folder) == [("complete", 3)], service, folder)
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=120) == 0


@pytest.mark.usefixtures("postgres")
def test_prefects_database_may_be_postgresql(folder: Path, start: Start) -> None:
    service = start()
    until(lambda: runs(folder) == [("complete", 3)], service, folder)
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=120) == 0
    assert not list((folder / "prefect").glob("*.db"))
