"""``iam-harvest rebuild``."""

from flows.cli.options import ChangedLake
from harvest.bucket.home import address_of


def rebuild(lake: ChangedLake) -> None:
    """Make the database of a lake anew from its part files alone.

    Example: iam-harvest rebuild lake
    """
    from harvest.lake import open_lake, writing
    from harvest.publish import publish

    open_lake(lake)  # writing makes a lake where there is none
    with writing(lake) as opened:
        publish(opened.root, anew=True)
        opened.mark_published()
    print(f"{address_of(lake)} rebuilt from its part files.")
