"""What a lake was told to forget, and what is not taken in again for it.

Workers know it, too; so no database is imported here.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harvest.batches import Film
from harvest.errors import Reason, Stage
from harvest.files import write_json
from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.lake import Lake
from harvest.records import ArchiveObject, InstanceHeader, Rejection

_REJECTION = Rejection(
    Reason.FORGOTTEN, Stage.HEADER, "Its patient or study was forgotten; nothing of the header is kept."
)


@dataclass(frozen=True)
class Forgotten:
    """What is not to be taken in again.

    Attributes:
        subjects: pseudonyms of patients and studies.
        objects: pseudonyms of files (``RunKeys.object_key``).
    """

    subjects: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()

    def refuse(self, film: Film, key: SiteKey) -> Film:
        """Return a film of a forgotten subject as rejected and without its header; any other one as it is."""
        names = subject_names(key, film.header.patient_id, film.header.study_instance_uid)
        if not self.subjects & names:
            return film
        return Film(film.source, film.frame, InstanceHeader(), rejection=_REJECTION)

    def still_listed(self, objects: Iterable[ArchiveObject], keys: RunKeys) -> Iterator[ArchiveObject]:
        """Pass the objects that were not forgotten."""
        return (one for one in objects if not self.objects or keys.object_key(one.path) not in self.objects)


def subject_names(key: SiteKey, patient_id: str | None, study_instance_uid: str | None) -> set[str]:
    """Return the pseudonyms of a film's patient and study, as far as they are known."""
    names = {patient_id and key.pseudonym("patient", patient_id), study_instance_uid and key.uid(study_instance_uid)}
    return {name for name in names if name}


def read_forgotten(lake: Lake) -> Forgotten:
    """Return what a lake was told to forget."""
    path = _list_path(lake)
    if not path.exists():
        return Forgotten()
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Forgotten(frozenset(stored["subjects"]), frozenset(stored["objects"]))


def remember_forgotten(lake: Lake, subjects: set[str], objects: set[str]) -> None:
    """Add to the list; before anything is removed, so that a kill in between cannot bring it back."""
    known = read_forgotten(lake)
    value = {"subjects": sorted(known.subjects | subjects), "objects": sorted(known.objects | objects)}
    write_json(_list_path(lake), value)


def _list_path(lake: Lake) -> Path:
    return lake.private / "forgotten.json"
