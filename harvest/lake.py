"""The lake on disk: folders, part files that appear whole, the ledger, and one writer at a time.

Parquet is the truth. A shard is committed when its ``private/crosswalk`` part exists, which is written last; public
parts without it are leftovers of a killed writer and are removed by the next one.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from harvest.bucket.opening import copy_of
from harvest.config import SCHEMA_VERSION
from harvest.errors import IamHarvestError, LakeError, NewerLakeError
from harvest.files import MARKER, TEMPORARY, discard, replace_durably, sync, write_json
from harvest.records import CROSSWALK, PUBLIC_TABLES, SORT_KEYS
from harvest.replacing import end_replacing
from harvest.writer import WriterLock, only_writer

if TYPE_CHECKING:
    from harvest.bucket.working import WorkingCopy

SCHEMAS: dict[str, pa.Schema] = PUBLIC_TABLES | {"crosswalk": CROSSWALK}
WRITE_ORDER = ("attention", "boxes", "predictions", "rejections", "instances", "crosswalk")
"""The crosswalk part comes last: it commits the shard."""
SNAPSHOT = "harvest.duckdb"
CHOICE = "chosen.json"


class Lake:
    """A lake that exists. Use ``open_lake`` to read and ``writing`` to write.

    Attributes:
        root: its directory.
        shared_work: folder where other processes compute shards for the writer; there while it asks for them.
    """

    def __init__(self, root: Path, lock: WriterLock | None = None, copy: "WorkingCopy | None" = None) -> None:
        self.root, self._lock, self._copy = root, lock, copy
        self.shared_work = self.private / "work"

    @property
    def private(self) -> Path:
        """Folder of site key, crosswalk and plans, mode 0700."""
        return self.root / "private"

    @property
    def runs(self) -> Path:
        """Folder of run records."""
        return self.root / "runs"

    @property
    def chosen_model(self) -> str | None:
        """Digest of the model that the current views follow; None: that of the latest complete run."""
        path = self.root / CHOICE
        return str(json.loads(path.read_text(encoding="utf-8"))["model_digest"]) if path.exists() else None

    @property
    def _dirty(self) -> Path:
        return self.private / "unpublished"

    def folder(self, table: str) -> Path:
        """Return where the part files of a table lie."""
        return (self.private if table == "crosswalk" else self.root) / table

    def part(self, table: str, fingerprint: str, shard_id: str) -> Path:
        """Return the path of one part file."""
        return self.folder(table) / f"part-{fingerprint}-{shard_id}.parquet"

    def commit_shard(self, fingerprint: str, shard_id: str, tables: dict[str, pa.Table]) -> None:
        """Write the parts of a shard, replacing earlier ones; it is committed when this returns, or not at all."""
        self.mark_unpublished()
        for name in WRITE_ORDER:
            write_part(self.part(name, fingerprint, shard_id), tables[name], name)
        self.push()

    def push(self) -> None:
        """Commit to the bucket to which the lake belongs, if any, what it is now; never before it has a snapshot."""
        if self._copy and (self.root / SNAPSHOT).exists():
            self._copy.push(not self.unpublished)

    def purge(self) -> None:
        """Leave in that bucket nothing but what the lake is now."""
        self.push()
        if self._copy:
            self._copy.purge()

    def read_shard(self, fingerprint: str, shard_id: str) -> dict[str, pa.Table]:
        """Return all tables of a committed shard; columns that its version did not have yet are null."""
        return {
            name: pq.read_table(self.part(name, fingerprint, shard_id), schema=SCHEMAS[name]) for name in WRITE_ORDER
        }

    def remove_shard(self, fingerprint: str, shard_id: str) -> None:
        """Remove a shard, its commit mark last; it is gone from the disk when this returns."""
        self.mark_unpublished()
        for name in WRITE_ORDER:
            self.part(name, fingerprint, shard_id).unlink(missing_ok=True)
            sync(self.folder(name))

    def shards(self, fingerprint: str) -> list[str]:
        """Return the ids of the committed shards under one fingerprint, ascending."""
        mark = "crosswalk" if self.private.exists() else "instances"  # of a lake's public part, which is no writer's
        return sorted(path.stem.split("-")[2] for path in self.folder(mark).glob(f"part-{fingerprint}-*.parquet"))

    def read_column_set(self, table: str, fingerprint: str, columns: list[str]) -> pa.Table:
        """Return some columns of all committed parts under one fingerprint, and each row's ``shard_id``."""
        paths = [str(self.part(table, fingerprint, shard_id)) for shard_id in self.shards(fingerprint)]
        schema = pa.schema([SCHEMAS[table].field(name) for name in columns])
        if not paths:
            return schema.empty_table().append_column("shard_id", pa.array([], pa.string()))
        parts = ds.dataset(paths, schema=SCHEMAS[table])
        rows = parts.to_table(columns=[*columns, "__fragment_index"])
        shard_ids = pa.array([Path(name).stem.split("-")[2] for name in parts.files], pa.string())
        rows = rows.append_column("shard_id", shard_ids.take(rows["__fragment_index"]))
        return rows.drop_columns(["__fragment_index"])

    def remove_leftovers(self) -> None:
        """Remove what a killed writer left: shared work, temporary files, public parts not committed or replaced."""
        end_replacing(self)
        discard(self.shared_work)
        for folder in (self.root, self.private, self.private / "plans", self.runs, *map(self.folder, WRITE_ORDER)):
            for path in folder.glob(f"{TEMPORARY}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        committed = {path.name for path in self.folder("crosswalk").glob("part-*.parquet")}
        for name in WRITE_ORDER:
            for path in self.folder(name).iterdir():
                if path.name not in committed:
                    path.unlink()

    def mark_unpublished(self) -> None:
        """Note that the part files are about to differ from the snapshot.

        Raises:
            LakeLockedError: this process is the lake's writer no more.
        """
        if self._lock:
            self._lock.confirm()
        self._dirty.touch()

    def mark_published(self) -> None:
        """Note that the snapshot holds the part files' rows."""
        self._dirty.unlink(missing_ok=True)

    @property
    def unpublished(self) -> bool:
        """Whether part files changed since the last snapshot."""
        return self._dirty.exists()


def open_lake(root: Path) -> Lake:
    """Open an existing lake for reading.

    Raises:
        LakeError: there is no lake at ``root``.
        NewerLakeError: it was written by a newer version.
    """
    version = _read_version(root)
    if version > SCHEMA_VERSION:
        raise NewerLakeError(
            f"The lake at {root} has schema version {version}, newer than {SCHEMA_VERSION}, which this program knows: "
            "upgrade iam-harvest."
        )
    return Lake(root)


@contextmanager
def writing(root: Path, site_key: Path | None = None) -> Iterator[Lake]:
    """Open a lake for writing, making it where there is none; one writer at a time.

    Args:
        root: its directory. The working folder of a lake in a bucket (``folder_to_write``) is first made equal to
            the bucket, and committed there after each shard and at the end.
        site_key: of a lake in a bucket: file of its key, where this machine does not have it yet.

    Raises:
        LakeError: the folder holds something else or cannot be written.
        LakeLockedError: another process writes to it.
        NewerLakeError: it was written by a newer version.
    """
    _prepare(root)
    with ExitStack() as held:
        try:
            lock = held.enter_context(only_writer(root / "private"))
            lake = Lake(root, lock, held.enter_context(copy_of(root, site_key)))
            open_lake(root)  # what is in the bucket may be of a newer version
            lake.remove_leftovers()
            _migrate(lake)
        except OSError as error:
            raise _unwritable(root, error) from error
        try:
            yield lake
        except LakeError:
            raise
        except IamHarvestError:
            lake.push()
            raise
        lake.push()


def write_part(path: Path, table: pa.Table, name: str) -> None:
    """Write one part file so that it appears whole: beside, synced, renamed. Equal rows give equal bytes."""
    ordered = table.cast(SCHEMAS[name]).sort_by([(column, "ascending") for column in SORT_KEYS[name]])
    temporary = path.with_name(TEMPORARY + path.name)
    pq.write_table(ordered, temporary, compression="zstd")
    replace_durably(temporary, path)


def _prepare(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not (root / MARKER).exists():
            if any(not path.name.startswith(TEMPORARY) for path in root.iterdir()):
                raise LakeError(f"{root} is not empty and not a lake; give a new or empty folder.")
            write_json(root / MARKER, {"schema_version": SCHEMA_VERSION})
        lake = open_lake(root)
        lake.private.mkdir(mode=0o700, exist_ok=True)
        for folder in (*(lake.folder(name) for name in WRITE_ORDER), lake.runs, lake.private / "plans"):
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise _unwritable(root, error) from error


def _unwritable(root: Path, error: OSError) -> LakeError:
    return LakeError(f"Cannot write to {root}: {error.strerror}; check --out, permissions and free space.")


def _read_version(root: Path) -> int:
    try:
        return int(json.loads((root / MARKER).read_text(encoding="utf-8"))["schema_version"])
    except (OSError, ValueError, KeyError) as error:
        raise LakeError(f"There is no lake at {root}; give the folder that 'iam-harvest run --out' wrote.") from error


def _migrate(lake: Lake) -> None:
    """Bring the parts of an older lake to the present columns; those added since are null there."""
    if _read_version(lake.root) == SCHEMA_VERSION:
        return
    for name in WRITE_ORDER:
        for path in sorted(lake.folder(name).glob("part-*.parquet")):
            write_part(path, ds.dataset(path, schema=SCHEMAS[name]).to_table(), name)
    lake.mark_unpublished()
    write_json(lake.root / MARKER, {"schema_version": SCHEMA_VERSION})
