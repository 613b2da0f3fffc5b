"""Which model the current views of a lake follow: that of the latest run, or one that the user chose."""

from pathlib import Path

from harvest.errors import LakeError
from harvest.files import write_json
from harvest.lake import CHOICE, open_lake, writing
from harvest.publish import publish
from harvest.report.write import write_report
from harvest.run_record import RunRecord, latest_complete_run, read_records

LATEST = "latest"


def choose_model(root: Path, model: str) -> RunRecord:
    """Let the current views follow a model, and publish; rows stay as they are.

    Args:
        root: the lake.
        model: name of a bundle (of several of this name the last harvested), a beginning of its digest of eight digits
            or more, or ``latest``: follow the latest complete run, as a new lake does.

    Returns:
        Record of the run that is followed now.

    Raises:
        LakeError: there is no lake, it has no complete run of this model, or another process writes to it.
    """
    open_lake(root)  # writing makes a lake where there is none
    with writing(root) as lake:
        if model == LATEST:
            (root / CHOICE).unlink(missing_ok=True)
        else:
            write_json(root / CHOICE, {"model_digest": _digest(read_records(lake), model)})
        lake.mark_unpublished()
        publish(root)
        lake.mark_published()
        write_report(lake)
        return latest_complete_run(lake)


def _digest(records: list[RunRecord], model: str) -> str:
    complete = [record for record in records if record["status"] == "complete"]
    for record in complete:
        if model == record["bundle"] or (len(model) >= 8 and record["model_digest"].startswith(model)):
            return str(record["model_digest"])
    known = sorted({f"{record['bundle']} ({record['model_digest'][:12]})" for record in complete})
    raise LakeError(f"No complete run of this lake used {model!r}. There are: {', '.join(known) or 'none'}.")
