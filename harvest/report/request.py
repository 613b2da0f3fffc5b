"""What a report is to show. Light: a run carries this without drawing anything."""

from dataclasses import dataclass
from pathlib import Path

PAGE = Path("report") / "index.html"
"""In the lake; pictures lie in ``img`` beside it."""
FILMS = 48
"""Films in the gallery, unless another number is asked for."""


@dataclass(frozen=True, slots=True)
class BoxSource:
    """A table of annotated boxes, and width and height of its frame (None: pixels of the stored images)."""

    table: Path
    frame: tuple[float, float] | None = (1024.0, 1024.0)


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the report is to show.

    Attributes:
        films: at most so many in the gallery.
        gallery: also under pseudonymized identifiers, where burnt-in text of the films would give patients away.
        boxes: annotated boxes to lay beside ours.
    """

    films: int = FILMS
    gallery: bool = False
    boxes: BoxSource | None = None
