"""Hours in which work may be done."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from models.spec import Frozen


class Night(Frozen):
    """Hours of a day, which may reach over midnight; None: always."""

    window: str | None = None
    timezone: str = "UTC"

    def is_open(self, now: datetime | None = None) -> bool:
        """Tell whether a moment (with time zone; by default this one) lies in the window: its start does, its end not.

        Summer time makes a night an hour longer or shorter, as the clock on the wall does.
        """
        if self.window is None:
            return True
        opens, closes = (time.fromisoformat(text) for text in self.window.split("-"))
        at = (now or datetime.now(UTC)).astimezone(ZoneInfo(self.timezone)).time()
        if opens < closes:
            return opens <= at < closes
        return at >= opens or at < closes
