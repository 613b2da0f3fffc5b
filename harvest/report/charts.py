"""Numbers to the shapes of inline SVG: bars of histograms, widths of stacked bars, control charts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HEIGHT = 100
"""Of a view box; a histogram's width is the number of bins."""
WIDTH = 100
"""Of a control chart's view box."""


def bars(counts: npt.NDArray[np.int64], tallest: int) -> str:
    """Return the path of a histogram's bars, one unit wide each; heights grow with the square root.

    So a few films that have a finding stay visible beside the many that have not.

    Args:
        counts: (bins,).
        tallest: count of the full height, >= 1.
    """
    heights = HEIGHT * np.sqrt(counts / max(tallest, 1))
    return "".join(
        f"M{number + 0.08:g} {HEIGHT}v{-height:.4g}h.84V{HEIGHT}z"
        for number, height in enumerate(heights.tolist())
        if height > 0
    )


def shares(counts: Sequence[float]) -> list[float]:
    """Return each count's percentage of their sum; zeros where that is 0."""
    total = sum(counts)
    return [100 * count / total if total else 0.0 for count in counts]


@dataclass(frozen=True, slots=True)
class ControlChart:
    """Shapes of a share over time in a view box of WIDTH x HEIGHT, y from 0 to ``top``.

    Attributes:
        band: area between the limits of chance.
        line: through the shares.
        beyond: a dot for each share outside of the limits; draw it with round caps.
        average: y of the mean share.
        top: share at the upper edge.
    """

    band: str
    line: str
    beyond: str
    average: float
    top: float


def control_chart(rows: Sequence[Mapping[str, int]], at: Sequence[float]) -> ControlChart:
    """Return the shapes of ``seen`` / ``films`` with limits ``low`` and ``high``.

    Args:
        rows: two or more, each with these four counts.
        at: x of each, 0 to 1, ascending.
    """
    x = [WIDTH * one for one in at]
    shares, low, high = ([row[name] / row["films"] for row in rows] for name in ("seen", "low", "high"))
    mean = sum(row["seen"] for row in rows) / sum(row["films"] for row in rows)
    top = min(1.0, 1.15 * max(*shares, 2 * mean, 0.01))

    def points(values: Iterable[float]) -> list[str]:
        return [f"{left:.4g} {HEIGHT * (1 - min(value, top) / top):.4g}" for left, value in zip(x, values, strict=True)]

    drawn = points(shares)
    beyond = [point for point, row in zip(drawn, rows, strict=True) if not row["low"] <= row["seen"] <= row["high"]]
    return ControlChart(
        band=f"M{'L'.join(points(high) + points(low)[::-1])}Z",
        line=f"M{'L'.join(drawn)}",
        beyond="".join(f"M{point}h0" for point in beyond),
        average=HEIGHT * (1 - mean / top),
        top=top,
    )
