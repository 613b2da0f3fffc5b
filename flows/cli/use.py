"""``iam-harvest use``."""

from typing import Annotated

import typer

from flows.cli.options import ChangedLake
from harvest.bucket.home import address_of

MODEL = "Name of a bundle, beginning of its digest, or 'latest'."


def use(lake: ChangedLake, model: Annotated[str, typer.Argument(help=MODEL, show_default=False)]) -> None:
    """Let a lake's current_ views, questions, exports and report follow one of the models that harvested it.

    Example: iam-harvest use lake demo

    Nothing is harvested and no row is lost; 'latest' lets them follow the latest complete run again.
    """
    from harvest.choice import choose_model

    record = choose_model(lake, model)
    print(f"{address_of(lake)} follows {record['bundle']} ({record['model_digest'][:12]}), run {record['run_id']}.")
