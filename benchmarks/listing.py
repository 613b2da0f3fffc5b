"""How fast, and in how much memory, archives of a million objects are listed and planned, without reading one.

    python benchmarks/listing.py --place DIR [--count 1000000] [--ways folder list zip tar bucket pacs] [--json FILE]

Each way is measured in a process of its own: memory is its peak above what it takes once the program is imported.
Objects on disk are empty files, made once; bucket and PACS are servers on loopback that answer as a real one would,
from a number to the next, so that what is measured is this program.
"""

import argparse
import json
import resource
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

from harvest.config import ArchiveConfig
from harvest.identity import SiteKey
from harvest.manifest import plan_shards, version
from harvest.sources import open_source

WAYS = ("folder", "list", "zip", "tar", "bucket", "pacs")
IN_A_FOLDER = 1000
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
    results = [{"way": way} | in_own_process(way, options) for way in options.ways]
    for one in results:
        print(
            f"{one['way']:7} {one['objects']:>9,} objects: listed in {one['list_s']:6.1f} s and {one['list_mib']:5.0f} "
            f"MiB; planned in {one['plan_s']:6.1f} s, again in {one['again_s']:6.1f} s, in {one['plan_mib']:5.0f} MiB"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def in_own_process(way: str, options: argparse.Namespace) -> dict[str, Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), served(options.count)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        places = {"bucket": "s3://hospital/films", "pacs": f"dicomweb+{address}/dicom-web"}
        location = places.get(way) or str(made(way, options.place, options.count))
        command = [sys.executable, __file__, "--place", "", "--measure", location, str(options.place / "folder")]
        environment = ENVIRONMENT | {"AWS_ENDPOINT_URL": address, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        server.shutdown()
    return dict(json.loads(done.stdout))


def measure(location: str, root: str) -> dict[str, Any]:
    """List an archive, plan it as new, and plan it as harvested."""
    key, start_mib = SiteKey(bytes(32)), peak_mib()
    source = open_source(location, root=root, config=UNHURRIED)
    started = time.monotonic()
    count = sum(1 for _ in source.iter_objects())
    listed, list_mib = time.monotonic(), peak_mib()
    plan = plan_shards(source.iter_objects(), {}, (), 256, key)
    planned = time.monotonic()
    harvested = {one.path: {version(one)} for shard in plan.shards for one in shard.objects}
    del plan
    before_again = time.monotonic()
    again = plan_shards(source.iter_objects(), harvested, (), 256, key)
    assert not again.shards
    return {
        "objects": count,
        "list_s": listed - started,
        "list_mib": list_mib - start_mib,
        "plan_s": planned - listed,
        "again_s": time.monotonic() - before_again,
        "plan_mib": peak_mib() - start_mib,
    }


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def name_of(number: int) -> str:
    return f"{number // IN_A_FOLDER:06}/{number:09}.dcm"


def made(way: str, place: Path, count: int) -> Path:
    """Make the archive of a way where there is none yet, and return where it lies."""
    folder, path = place / "folder", place / f"films-{way}{ {'list': '.parquet'}.get(way, '.' + way) }"
    if way in ("folder", "list") and not folder.exists():
        for number in range(count):
            file = folder / name_of(number)
            if number % IN_A_FOLDER == 0:
                file.parent.mkdir(parents=True)
            file.touch()
    if way == "folder":
        return folder
    if not path.exists():
        PACKERS[way](path.with_suffix(".part"), count)
        path.with_suffix(".part").rename(path)
    return path


def pack_list(path: Path, count: int) -> None:
    pq.write_table(pa.table({"path": [name_of(number) for number in range(count)]}), path)


def pack_zip(path: Path, count: int) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(count):
            packed.writestr(zipfile.ZipInfo(name_of(number), (2020, 1, 1, 0, 0, 0)), b"")


def pack_tar(path: Path, count: int) -> None:
    with tarfile.open(path, "w") as packed:
        for number in range(count):
            packed.addfile(tarfile.TarInfo(name_of(number)))
            packed.members.clear()  # type: ignore[attr-defined]


PACKERS = {"list": pack_list, "zip": pack_zip, "tar": pack_tar}


def served(count: int) -> type[BaseHTTPRequestHandler]:
    """Return a handler that answers S3's ListObjectsV2 and DICOMweb's two queries; a study has ten instances."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            body = pacs_page(url.path, query, count) if "dicom-web" in url.path else bucket_page(query, count)
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
    parts, start = path.split("/"), int(query.get("offset", "0"))
    end = start + int(query["limit"])
    if parts[-1] == "studies":
        found = [{"0020000D": {"Value": [f"1.2.{number}"]}} for number in range(start, min(end, count // 10))]
    else:
        study = parts[-2]
        found = [
            {"0020000E": {"Value": [f"{study}.1"]}, "00080018": {"Value": [f"{study}.1.{number}"]}}
            for number in range(start, min(end, 10))
        ]
    return json.dumps(found).encode()


if __name__ == "__main__":
    main()
