"""Forget a patient or a study: out of parts, database, report and crosswalk, and not taken in again.

What is kept is a list of pseudonyms under the site key (``private/forgotten.json``): of the patient or study, so that
another film of it is refused, and of the files that are gone, so that they are not even listed. Nobody can tell from
it who was forgotten, but everybody with the key can test a name.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from harvest.annotated import forget_films
from harvest.annotations import film_stem
from harvest.forgotten import remember_forgotten, subject_names
from harvest.identity import SiteKey
from harvest.keys import RunKeys
from harvest.lake import Lake, open_lake, writing
from harvest.manifest import drop_from_plans
from harvest.publish import publish
from harvest.report.write import write_report
from harvest.settle import Entry, drop_entries, read_entries

REPORT = "report"


@dataclass(frozen=True, slots=True)
class ForgetSummary:
    """What was removed: files, and their instances."""

    objects: int
    instances: int


def forget(root: Path, subject: str) -> ForgetSummary:
    """Remove a patient or study from a lake.

    May be killed and repeated at any point.

    Args:
        root: the lake.
        subject: patient ID or study instance UID, as in the archive, or their pseudonyms as in the tables.

    Raises:
        LakeError: there is no lake, or somebody else writes to it.
    """
    open_lake(root)  # writing makes a lake where there is none
    with writing(root) as lake:
        key = SiteKey.load_or_create(lake.private / "site.key")
        names = subject_names(key, subject, subject)
        found = {fingerprint: _matching(lake, fingerprint, key, names | {subject}) for fingerprint in _prints(lake)}
        gone = [entry for entries in found.values() for entry in entries]
        for entry in gone:
            names |= subject_names(key, entry.patient_id, entry.study_instance_uid) & {subject}
        remember_forgotten(lake, names, {entry.object_key for entry in gone})
        for fingerprint, entries in found.items():
            drop_entries(lake, RunKeys("", "", fingerprint, "", "pseudonymize", key), entries)
        forget_films(lake, {entry.instance_key for entry in gone}, {film_stem(entry.path) for entry in gone})
        drop_from_plans(lake, {entry.path for entry in gone})
        had_report = (root / REPORT).exists()
        shutil.rmtree(root / REPORT, ignore_errors=True)
        publish(root, anew=True)  # a copy would keep the removed rows in blocks of the file that are free
        lake.mark_published()
        if had_report:
            write_report(lake)
        lake.purge()
    return ForgetSummary(len({entry.object_key for entry in gone}), len(gone))


def _prints(lake: Lake) -> list[str]:
    """Return all fingerprints under which the lake holds shards."""
    return sorted({path.stem.split("-")[1] for path in lake.folder("crosswalk").glob("part-*.parquet")})


def _matching(lake: Lake, fingerprint: str, key: SiteKey, wanted: set[str]) -> list[Entry]:
    return [
        entry
        for entry in read_entries(lake, fingerprint)
        if wanted & subject_names(key, entry.patient_id, entry.study_instance_uid)
    ]
