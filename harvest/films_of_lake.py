"""The films of a lake's rows, read again from the archive they came from."""

from functools import cache
from itertools import islice
from typing import Any

from harvest.config import HarvestConfig
from harvest.decode import iter_decode
from harvest.errors import ArchiveError, LakeError, RejectedError
from harvest.lake import Lake
from harvest.records import DecodedImage, UInt8Image
from harvest.run_record import RunRecord
from harvest.sources import UNKNOWN_SIZE, open_source
from harvest.whereabouts import archive_locations


class FilmsOfLake:
    """Reads films by instance key; the private crosswalk tells which file each is."""

    def __init__(self, lake: Lake, record: RunRecord, archive: str | None = None) -> None:
        """Look up which file each film is.

        Args:
            lake: whose films to read.
            record: of the run whose settings stand.
            archive: where the archive lies now; None: where it lay when it was harvested.

        Raises:
            LakeError: the crosswalk is missing.
        """
        columns = ["instance_key", "archive", "path", "size", "frame"]
        rows: list[dict[str, Any]] = lake.read_column_set(
            "crosswalk", record["config_fingerprint"], columns
        ).to_pylist()
        if not rows:
            raise LakeError(f"The private crosswalk of {lake.root} is missing, so its films cannot be found again.")
        self._places = {row["instance_key"]: row for row in rows}
        self._archive, self._locations = archive, archive_locations(lake)
        self._open = cache(open_source)
        self._limits = HarvestConfig.model_validate(record["config"]).decode

    def can_find(self, key: str) -> bool:
        """Tell whether it is known where the film's archive lies."""
        return self._archive is not None or self._places[key]["archive"] in self._locations

    def read(self, key: str) -> UInt8Image:
        """Return the stored image, (rows, columns); raises like :meth:`read_image`."""
        return self.read_image(key).pixels

    def read_image(self, key: str) -> DecodedImage:
        """Return the stored image as the network's input was made of it.

        Raises:
            ArchiveError: the archive or the file is not there, the file changed, or it cannot be decoded.
        """
        place = self._places[key]
        if not self.can_find(key):
            raise ArchiveError("Where the films of this lake lie is not known; give the directory with --archive.")
        source = self._open(self._archive or self._locations[place["archive"]])
        try:
            data = source.read_bytes(place["path"], self._limits.max_bytes)
            outcome = next(islice(iter_decode(data, self._limits), place["frame"] - 1, None), None)
        except RejectedError as error:
            raise ArchiveError(f"The film of {key} cannot be read from its archive: {error.message}") from error
        if place["size"] not in (len(data), UNKNOWN_SIZE) or outcome is None or outcome.image is None:
            raise ArchiveError(f"The film of {key} is not the one that was harvested: the file has changed.")
        return outcome.image
