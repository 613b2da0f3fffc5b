"""``iam-harvest forget``."""

from typing import Annotated

import typer

from flows.cli.options import ChangedLake

SUBJECT = "Patient ID or study instance UID, as in the archive or as in the tables."


def forget(lake: ChangedLake, subject: Annotated[str, typer.Argument(help=SUBJECT, show_default=False)]) -> None:
    """Remove a patient or a study from a lake for good; later runs do not bring it back.

    Example: iam-harvest forget lake 4711

    Tables, database and crosswalk are purged, the report is made anew. Copies that were exported are yours to find.
    """
    from harvest.forget import forget as purge

    gone = purge(lake, subject)
    print(f"Forgotten: {gone.instances} films in {gone.objects} files. Later runs will refuse them.")
