"""How fast, and in how much memory, archives of a million objects are listed and planned, without reading one.

    python benchmarks/listing.py --place DIR [--count 1000000] [--ways folder csv zip ...] [--json FILE]

Each way is measured in a process of its own: memory is its peak above what it takes once the program is imported,
processor time its own. ``flat`` is one folder of all files, others have a thousand in each. Objects on disk are empty
files, made once; bucket and PACS are servers on loopback that answer as a real one would, from a number to the next, so
that what is measured is this program. ``boundless`` is a PACS that ignores limits.
"""

import argparse
import json
import re
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from harvest.config import ArchiveConfig
from harvest.identity import SiteKey
from harvest.manifest import plan_shards, version
from harvest.sources import Source, open_source

WAYS = ("folder", "flat", "csv", "parquet", "DICOMDIR", "zip", "tar", "bucket", "pacs", "boundless")
IN_A_FOLDER = 1000
IN_A_STUDY = 10
PAGE = 1000
UNHURRIED = ArchiveConfig(requests_per_second=1e6)
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_ALLOW_HTTP": "true"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    results = []
    for way in options.ways:
        one = in_own_process(way, options)
        print(
            f"{way:9} {one['objects']:>9,} objects: listed in {one['list_s']:6.1f} s ({one['list_cpu_s']:6.1f} s of a "
            f"processor, {one['objects'] / one['list_cpu_s']:7,.0f} objects/s of it) and {one['list_mib']:5.0f} MiB",
            flush=True,
        )
        if "plan_s" in one:
            print(
                f"{'plan':9} {one['objects']:>9,} objects: as new in {one['plan_s']:6.1f} s of a processor, as "
                f"harvested in {one['again_s']:6.1f} s, both in {one['plan_mib']:5.0f} MiB"
            )
        results.append({"way": way} | one)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def in_own_process(way: str, options: argparse.Namespace) -> dict[str, Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), served(options.count)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        places = {"bucket": "s3://hospital/films"} | {one: f"dicomweb+{address}/{one}" for one in ("pacs", "boundless")}
        location = places.get(way) or str(made(way, options.place, options.count))
        command = [sys.executable, __file__, "--place", "", "--measure", location, str(options.place / "folder")]
        environment = ENVIRONMENT | {"AWS_ENDPOINT_URL": address, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        server.shutdown()
    return dict(json.loads(done.stdout))


def measure(location: str, root: str) -> dict[str, Any]:
    """List an archive; a folder is also planned as new, and as harvested, which does not depend on what it is."""
    start_mib = peak_mib(anew=True)
    started, started_cpu = time.monotonic(), time.process_time()
    source = open_source(location, root=root, config=UNHURRIED)
    count = sum(1 for _ in source.iter_objects())
    times = {"list_s": time.monotonic() - started, "list_cpu_s": time.process_time() - started_cpu}
    result = times | {"objects": count, "list_mib": peak_mib() - start_mib}
    return result if location != root else result | plan(source, start_mib)


def plan(source: Source, start_mib: float) -> dict[str, float]:
    key, started = SiteKey(bytes(32)), time.process_time()
    first = plan_shards(source.iter_objects(), {}, (), 256, key)
    planned = time.process_time()
    harvested = {one.path: (version(one),) for shard in first.shards for one in shard.objects}
    del first
    before_again = time.process_time()
    again = plan_shards(source.iter_objects(), harvested, (), 256, key)
    assert not again.shards
    times = {"plan_s": planned - started, "again_s": time.process_time() - before_again}
    return times | {"plan_mib": peak_mib() - start_mib}


def peak_mib(*, anew: bool = False) -> float:
    """Return the most memory that this process held; anew: from now on, and what it holds now."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def name_of(number: int) -> str:
    return f"{number // IN_A_FOLDER:06}/{number:09}.dcm"


def made(way: str, place: Path, count: int) -> Path:
    """Make the archive of a way where there is none yet, and return where it lies."""
    folder, path = place / "folder", place / f"films.{way}"
    if way in ("folder", "csv", "parquet", "DICOMDIR") and not folder.exists():
        for number in range(count):
            file = folder / name_of(number)
            if number % IN_A_FOLDER == 0:
                file.parent.mkdir(parents=True)
            file.touch()
    (folder / "DICOMDIR").unlink(missing_ok=True)
    if way == "folder":
        return folder
    if way == "flat":
        flat = place / "flat"
        if not flat.exists():
            flat.mkdir()
            for number in range(count):
                (flat / f"{number:09}.dcm").touch()
        return flat
    path = folder / way if way == "DICOMDIR" else path
    if not path.exists():
        PACKERS[way](path.with_suffix(".part"), count)
        path.with_suffix(".part").rename(path)
    return path


def pack_csv(path: Path, count: int) -> None:
    with path.open("w") as table:
        table.writelines(f"{line}\n" for line in ["path", *map(name_of, range(count))])


def pack_parquet(path: Path, count: int) -> None:
    pq.write_table(pa.table({"path": [name_of(number) for number in range(count)]}), path)


def pack_dicomdir(path: Path, count: int) -> None:
    head = Dataset()
    head.file_meta = FileMetaDataset()
    head.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head.file_meta.MediaStorageSOPClassUID, head.file_meta.MediaStorageSOPInstanceUID = (
        MediaStorageDirectoryStorage,
        "1",
    )
    head.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(struct.pack("<HH2s2xI", 0x0004, 0x1220, b"SQ", 2**32 - 1))
        for number in range(count):
            parts = name_of(number).replace("/", "\\").encode()
            kind = struct.pack("<HH2sH6s", 0x0004, 0x1430, b"CS", 6, b"IMAGE ")
            name = struct.pack("<HH2sH", 0x0004, 0x1500, b"CS", len(parts) + len(parts) % 2)
            record = kind + name + parts + b" " * (len(parts) % 2)
            file.write(struct.pack("<HHI", 0xFFFE, 0xE000, len(record)) + record)
        file.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def pack_zip(path: Path, count: int) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(count):
            packed.writestr(zipfile.ZipInfo(name_of(number), (2020, 1, 1, 0, 0, 0)), b"")


def pack_tar(path: Path, count: int) -> None:
    with tarfile.open(path, "w") as packed:
        for number in range(count):
            packed.addfile(tarfile.TarInfo(name_of(number)))
            packed.members.clear()  # type: ignore[attr-defined]


PACKERS = {"csv": pack_csv, "parquet": pack_parquet, "DICOMDIR": pack_dicomdir, "zip": pack_zip, "tar": pack_tar}


def served(count: int) -> type[BaseHTTPRequestHandler]:
    """Return a handler that answers S3's ListObjectsV2 and DICOMweb's two queries."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one packet, not two of which the second waits for the first

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            if "boundless" in url.path:
                query = {"limit": str(count), "offset": "0"}
            body = pacs_page(url.path, query, count) if "studies" in url.path else bucket_page(query, count)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


def bucket_page(query: dict[str, str], count: int) -> bytes:
    start = int(query.get("continuation-token", "0"))
    keys = "".join(
        f"<Contents><Key>films/{escape(name_of(number))}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"{number:032x}"</ETag><Size>1</Size></Contents>'
        for number in range(start, min(start + PAGE, count))
    )
    more = start + PAGE < count
    token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
    page = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{keys}</ListBucketResult>"
    return page.encode()


def pacs_page(path: str, query: dict[str, str], count: int) -> bytes:
    parts, start = path.split("/"), int(query["offset"])
    end = start + int(query["limit"])
    if parts[-1] == "studies":
        numbers = range(start, min(end, count // IN_A_STUDY))
        held = {"00201208": {"vr": "IS", "Value": [IN_A_STUDY]}}
        found = [{"0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]}} | held for number in numbers]
    else:
        study = parts[-2]
        series = {"0020000E": {"vr": "UI", "Value": [f"{study}.1"]}}
        numbers = range(start, min(end, IN_A_STUDY))
        found = [series | {"00080018": {"vr": "UI", "Value": [f"{study}.1.{number}"]}} for number in numbers]
    return json.dumps(found).encode()


if __name__ == "__main__":
    main()
