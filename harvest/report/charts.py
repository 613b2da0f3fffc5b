"""Numbers to the shapes of inline SVG: bars of histograms, widths of stacked bars."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

HEIGHT = 100
"""Of a histogram's view box; its width is the number of bins."""


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
