"""The label table joined to the listing of an archive, film by film."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from harvest.annotations import LabelRow, LabelTable, film_stem
from harvest.errors import TableError
from harvest.records import ArchiveObject, InstanceHeader


def attach_labels(objects: Iterable[ArchiveObject], table: LabelTable) -> Iterator[ArchiveObject]:
    """Give each object the labels and the description of its row, matched by file stem.

    Raises:
        TableError: two objects have the stem of one row, or (at the end of the listing) no object matches any row.
    """
    matched: set[str] = set()
    for one in objects:
        row = table.rows.get(stem := film_stem(one.path))
        if row is None:
            yield one
            continue
        if stem in matched:
            raise TableError(
                f"Two objects of the archive are named {stem!r}, so its label is ambiguous. Give them distinct names."
            )
        matched.add(stem)
        yield replace(one, labels="|".join(row.findings), described=_description(row))
    if not matched:
        raise TableError("The label table names no film of this archive: compare its file names with the archive's.")


def _description(row: LabelRow) -> InstanceHeader:
    return InstanceHeader(patient_id=row.patient_id, age_years=row.age, sex=row.sex, view_position=row.view)
