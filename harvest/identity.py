"""Identity without identifiers: keyed pseudonyms instead of patient ID, UIDs and paths.

A pseudonym is HMAC-SHA256 under the site key, a secret made once per site; without it nobody can test a guess. UIDs
take the form of DICOM PS3.5 B.2 (``2.25.`` and a 128-bit integer).
"""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from harvest.errors import SettingsError
from harvest.records import InstanceHeader

Identifiers = Literal["pseudonymize", "keep"]
KEY_BYTES = 32
HIGHEST_AGE = 89.0
"""Years; older patients are so few that an age would name them (HIPAA safe harbor)."""
LONGEST_TEXT = 64


@dataclass(frozen=True, slots=True)
class SiteKey:
    """The site's secret."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise SettingsError(f"A site key is {KEY_BYTES} bytes; this one has {len(self.secret)}.")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a key.

        Raises:
            SettingsError: the file is missing, unreadable or does not hold 32 bytes.
        """
        try:
            secret = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"Cannot read the site key {path}: {error.strerror}; check --site-key.") from error
        if len(secret) != KEY_BYTES:
            raise SettingsError(f"{path} is not a site key ({KEY_BYTES} bytes); give the file of an earlier run.")
        return cls(secret)

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the key at ``path``; where there is none, make one (mode 0600 in a directory of mode 0700).

        An existing key is never overwritten, also when two processes start at once.

        Raises:
            SettingsError: the key cannot be read or written.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_once(path, secrets.token_bytes(KEY_BYTES))
        except FileExistsError:
            return cls.from_file(path)
        except OSError as error:
            raise SettingsError(f"Cannot write the site key {path}: {error.strerror}.") from error
        return cls.from_file(path)

    def write(self, path: Path) -> None:
        """Write the key where there is no file yet, as :meth:`load_or_create` does."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _write_once(path, self.secret)

    def pseudonym(self, kind: str, value: str) -> str:
        """Return 32 hex digits that stand for ``value``; equal values of different kinds differ."""
        return self._digest(kind, value).hex()[:32]

    def uid(self, value: str) -> str:
        """Return a valid UID that stands for the UID ``value``."""
        return f"2.25.{int.from_bytes(self._digest('uid', value)[:16], 'big')}"

    def _digest(self, kind: str, value: str) -> bytes:
        message = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).digest()


def _write_once(path: Path, secret: bytes) -> None:
    """Write a file that is complete as soon as it is visible; raises FileExistsError where there is one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)
    finally:
        temporary.unlink()


def instance_key(key: SiteKey, sop_instance_uid: str | None, archive_path: str, frame: int) -> str:
    """Return the 32 hex digits that name an instance in every table.

    Args:
        key: of the site.
        sop_instance_uid: where the object has one; the same instance in another archive then has the same key.
        archive_path: archive name and relative path, for objects without a UID.
        frame: from 1.
    """
    if sop_instance_uid:
        return key.pseudonym("instance", f"{sop_instance_uid}\0{frame}")
    return key.pseudonym("instance-path", f"{archive_path}\0{frame}")


def public_fields(header: InstanceHeader, identifiers: Identifiers, key: SiteKey) -> dict[str, Any]:
    """Return the columns of ``instances`` that come from the header.

    Args:
        header: as read.
        identifiers: ``keep`` writes the identifiers themselves, for archives that are already de-identified.
        key: of the site.
    """
    year, month = _year_and_month(header.study_date)
    return {
        **_identifier_fields(header, None if identifiers == "keep" else key),
        "modality": _cleaned(header.modality),
        "view_position": _cleaned(header.view_position),
        "sex": header.sex,
        "age_years": None if header.age_years is None else min(header.age_years, HIGHEST_AGE),
        "manufacturer": _cleaned(header.manufacturer),
        "manufacturer_model_name": _cleaned(header.manufacturer_model_name),
        "study_year": year,
        "study_month": month,
    }


def _identifier_fields(header: InstanceHeader, key: SiteKey | None) -> dict[str, str | None]:
    """Return the ``*_key`` columns; without a key the identifiers themselves."""
    uids = {
        "study_key": header.study_instance_uid,
        "series_key": header.series_instance_uid,
        "sop_key": header.sop_instance_uid,
    }
    if key is None:
        return {"patient_key": header.patient_id, **uids}
    patient = header.patient_id and key.pseudonym("patient", header.patient_id)
    return {"patient_key": patient, **{name: uid and key.uid(uid) for name, uid in uids.items()}}


def _year_and_month(date: str | None) -> tuple[int | None, int | None]:
    if date is None or len(date) != 8 or not date.isdecimal() or not 1 <= int(date[4:6]) <= 12:
        return None, None
    return int(date[:4]), int(date[4:6])


def _cleaned(text: str | None) -> str | None:
    """Return free text of a vendor on one line, printable, of bounded length; None when nothing is left."""
    if text is None:
        return None
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:LONGEST_TEXT] or None
