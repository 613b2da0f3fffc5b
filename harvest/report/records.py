"""What the gallery shows: plain records for the template."""

from dataclasses import dataclass

Rectangle = tuple[float, float, float, float]
"""x, y, width, height in pixels of the stored image."""


@dataclass(frozen=True, slots=True)
class ShownBox:
    """A harvested box; ``size`` is in words, in mm where the spacing is known."""

    rank: int
    x: float
    y: float
    width: float
    height: float
    mean_attention: float
    threshold: float
    size: str


@dataclass(frozen=True, slots=True)
class ShownCase:
    """One finding of one film.

    Attributes:
        labeled: whether the label table asserts it; None where it has no row.
        harvested: best rank first; none for a finding below its gate that only a person boxed.
        side_share: of the first box, of the film's side.
        maps: picture of the merged map and, below it, of each iteration's, relative to the page; "" where none is.
        iterations: how many.
    """

    finding: str
    probability: float
    gate: float
    labeled: bool | None
    harvested: tuple[ShownBox, ...]
    annotated: tuple[Rectangle, ...]
    side_share: float
    maps: str = ""
    iterations: int = 0


@dataclass(frozen=True, slots=True)
class ShownFilm:
    """One film; ``about`` says view, sex, age and date, ``date`` sorts.

    Attributes:
        number: in the order of the gallery, from 1; names the pictures, so that no file name leaves the lake.
        pixel_aspect: height of a stored pixel divided by its width.
    """

    number: int
    name: str
    rows: int
    columns: int
    pixel_aspect: float
    about: str
    date: str

    @property
    def picture(self) -> str:
        """Path relative to the page."""
        return f"img/film-{self.number:04d}.jpg"


@dataclass(frozen=True, slots=True)
class Gallery:
    """The films shown, each with its findings.

    Attributes:
        unreadable: number of chosen films whose file could not be read.
        explorer: what the threshold explorer cuts from (``harvest.report.explorer``), JSON; "" without maps.
    """

    films: tuple[tuple[ShownFilm, tuple[ShownCase, ...]], ...] = ()
    unreadable: int = 0
    explorer: str = ""

    @property
    def cases(self) -> int:
        """Of all films."""
        return sum(len(cases) for _, cases in self.films)

    @property
    def years(self) -> list[str]:
        """Of the films shown, as far as they are known, the latest first."""
        return sorted({film.date[:4] for film, _ in self.films if film.date}, reverse=True)

    @property
    def annotated(self) -> bool:
        """Whether any box drawn by a person is shown."""
        return any(case.annotated for _, cases in self.films for case in cases)
