"""How a film differs from its own mirror image, which tells the side of a finding; attention weighted by it.

Not in the paper. A label says of a whole film that there is a finding, and a network of few films learns to name it
from what goes along with it, whatever the side. An opacity makes its side of the chest brighter than the other, a
lucency darker; both can be seen without any training.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from harvest.geometry import Placement
from harvest.records import UInt8Image
from models.findings import LUCENCIES, OPACITIES

ASYMMETRY_SHAPE = (32, 32)
"""Rows and columns over the upright film."""
BLUR = 1.0
"""Standard deviation of the Gaussian before films are compared, in cells."""
FURTHEST_AXIS = 3
"""Cells by which the mirror image is moved at most, so that the midlines meet."""
STEPS = 32
"""Stored steps per standard deviation."""

Asymmetry = npt.NDArray[np.int8]


def film_asymmetry(film: UInt8Image, placement: Placement) -> Asymmetry:
    """Compare a film with its mirror image, laid so that they agree best.

    Args:
        film: (H, W) uint8, in the network's frame.
        placement: of the film in that frame.

    Returns:
        ``ASYMMETRY_SHAPE`` over the upright film: how much brighter each cell is than its mirror image, in 1/32 of the
        standard deviation over the film, at most 127; zeros where film and mirror image are alike.
    """
    left, top, right, bottom = placement.content_box.astype(int).tolist()
    cells = Image.fromarray(film[top:bottom, left:right]).resize(ASYMMETRY_SHAPE[::-1], Image.Resampling.BOX)
    grey = ndimage.gaussian_filter(np.asarray(cells, np.float64), BLUR, mode="nearest")
    difference = grey - _mirror_image(grey)
    spread = difference.std()
    if spread < 1e-6:
        return np.zeros(ASYMMETRY_SHAPE, np.int8)
    steps: Asymmetry = np.rint(difference / spread * STEPS).clip(-127, 127).astype(np.int8)
    return steps


def asymmetry_sign(finding: str) -> int:
    """Return 1 for an opacity, looked for where the film is brighter, -1 for a lucency, 0 for what is neither."""
    return (finding in OPACITIES) - (finding in LUCENCIES)


def asymmetry_weights(asymmetry: Asymmetry, signs: npt.NDArray[np.int64], weight: float) -> npt.NDArray[np.float64]:
    """Return exp(sign * weight * asymmetry) over N films, asymmetry in standard deviations.

    Args:
        asymmetry: (N, rows, columns) of :func:`film_asymmetry`.
        signs: (N,) of :func:`asymmetry_sign`.
        weight: 0 or more.

    Returns:
        (N, rows, columns) above 0.
    """
    factor = signs * weight / STEPS
    return np.exp(asymmetry.astype(np.float64) * factor[:, None, None])


def _mirror_image(grey: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mirror image, moved sideways to where it agrees best with ``grey`` in the columns both have.

    What is moved out on one side comes in on the other, so up to ``FURTHEST_AXIS`` columns there, which hold the film's
    edge, are compared with the opposite edge.
    """
    width = grey.shape[1]
    moved = {shift: np.roll(grey[:, ::-1], shift, axis=1) for shift in range(-FURTHEST_AXIS, FURTHEST_AXIS + 1)}
    off = {shift: np.abs(grey - one)[:, abs(shift) : width - abs(shift)].mean() for shift, one in moved.items()}
    return moved[min(off, key=lambda shift: (off[shift], abs(shift), shift))]
