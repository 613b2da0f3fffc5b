"""The names under which a run's rows appear: run, model, settings, and the pseudonyms of archive objects."""

from dataclasses import dataclass

from harvest.config import Identifiers
from harvest.identity import SiteKey, instance_key


@dataclass(frozen=True, slots=True)
class RunKeys:
    """What every row of a run shares.

    Attributes:
        archive: the archive's name; it precedes the relative path wherever a path is named.
    """

    run_id: str
    model_digest: str
    config_fingerprint: str
    archive: str
    identifiers: Identifiers
    site_key: SiteKey

    def archive_path(self, path: str) -> str:
        """Return archive name and relative path: together they name an object in this lake."""
        return f"{self.archive}/{path}"

    def source_uri(self, path: str) -> str:
        """Return the public name of the object: its path under ``keep``, else a pseudonym."""
        full = self.archive_path(path)
        return full if self.identifiers == "keep" else self.site_key.pseudonym("source_uri", full)

    @property
    def public_archive(self) -> str:
        """Name of the archive in public records: itself under ``keep``, else a pseudonym."""
        return self.archive if self.identifiers == "keep" else self.site_key.pseudonym("archive", self.archive)

    def object_key(self, path: str) -> str:
        """Return the pseudonym that links the frames of one object."""
        return self.site_key.pseudonym("object", self.archive_path(path))

    def path_key(self, archive_path: str, frame: int) -> str:
        """Return the instance key of an object that has no usable UID: rejected, duplicate, or not DICOM."""
        return instance_key(self.site_key, None, archive_path, frame)

    def columns(self, path: str, sop_instance_uid: str | None, frame: int) -> dict[str, str]:
        """Return the key columns that every table has, for one instance."""
        return {
            "run_id": self.run_id,
            "instance_key": instance_key(self.site_key, sop_instance_uid, self.archive_path(path), frame),
            "model_digest": self.model_digest,
            "config_fingerprint": self.config_fingerprint,
        }
