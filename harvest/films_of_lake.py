"""The films of a lake's rows, read again from the archive they came from."""

from itertools import islice
from typing import Any

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import ArchiveError, LakeError, RejectedError
from harvest.lake import Lake
from harvest.records import UInt8Image
from harvest.run_record import RunRecord
from harvest.sources import open_source


class FilmsOfLake:
    """Reads films by instance key; the private crosswalk tells which file each is."""

    def __init__(self, lake: Lake, record: RunRecord, archive: str) -> None:
        """Open the archive.

        Args:
            lake: whose films to read.
            record: of the run whose settings stand.
            archive: where the archive lies now.

        Raises:
            ArchiveError: there is no archive.
            LakeError: the crosswalk is missing.
        """
        columns = ["instance_key", "path", "frame"]
        rows: list[dict[str, Any]] = lake.read_column_set(
            "crosswalk", record["config_fingerprint"], columns
        ).to_pylist()
        if not rows:
            raise LakeError(f"The private crosswalk of {lake.root} is missing, so its films cannot be found again.")
        self._places = {row["instance_key"]: (row["path"], row["frame"]) for row in rows}
        self._source, self._limits = open_source(archive), DecodeConfig()

    def read(self, key: str) -> UInt8Image:
        """Return the stored image, (rows, columns), as the network's input was made of it.

        Raises:
            ArchiveError: the file is not there, or cannot be decoded.
        """
        path, frame = self._places[key]
        try:
            data = self._source.read_bytes(path, self._limits.max_bytes)
            outcome = next(islice(iter_decode(data, self._limits), frame - 1, None), None)
        except RejectedError as error:
            raise ArchiveError(f"The film of {key} cannot be read from this archive: {error.message}") from error
        if outcome is None or outcome.image is None:
            raise ArchiveError(f"The film of {key} cannot be decoded any more; has the file changed?")
        return outcome.image.pixels
