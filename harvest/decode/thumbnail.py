"""A film at a glance: what the checks of polarity and content look at."""

import numpy as np
import numpy.typing as npt

from harvest.geometry import Placement
from harvest.records import DecodedImage

Thumbnail = npt.NDArray[np.float64]
SIDE = 32


def make_thumbnail(image: DecodedImage) -> Thumbnail:
    """Return (32, 32) grey levels of the film, turned upright as the header says and stretched to a square."""
    rows, columns = image.pixels.shape
    # Pixels of this shape make the film square, so that it fills the thumbnail.
    square = Placement(rows, columns, (SIDE, SIDE), image.orientation, columns / rows)
    return square.to_input(image.pixels).astype(np.float64)
