"""One geometry: where a stored image lies in the network's input, and the way back. The only resize in the project.

Coordinates are continuous, x to the right, y down: pixel i covers [i, i + 1). Boxes are x_min, y_min, x_max, y_max.
The way there is: turn the stored grid by the orientation, shrink it to fit (keeping the true shape of a pixel), centre
it. Every step is affine, so boxes have an exact inverse.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from harvest.records import FloatArray, UInt8Image

Float32Map = npt.NDArray[np.float32]

_TURNS = {
    "identity": (False, False, False),
    "flip_horizontal": (False, True, False),
    "rotate_180": (False, True, True),
    "flip_vertical": (False, False, True),
    "transpose": (True, False, False),
    "rotate_90": (True, True, False),
    "transverse": (True, True, True),
    "rotate_270": (True, False, True),
}
"""By name: swap rows and columns first, then mirror left-right, then mirror top-bottom. Rotations are clockwise."""

ORIENTATIONS: tuple[str, ...] = tuple(_TURNS)
"""How a stored grid is turned to stand upright, patient's left on the right; in the order of EXIF values 1 to 8."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a stored image lies in the network's input.

    Attributes:
        rows: of the stored image.
        columns: of the stored image.
        input_hw: height and width of the input.
        orientation: how the stored grid is turned, one of ``ORIENTATIONS``.
        pixel_aspect: height of a stored pixel divided by its width.
    """

    rows: int
    columns: int
    input_hw: tuple[int, int]
    orientation: str = "identity"
    pixel_aspect: float = 1.0

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, *self.input_hw) < 1:
            raise ValueError("an image and an input have at least one row and column")
        if self.orientation not in _TURNS:
            raise ValueError(f"unknown orientation {self.orientation!r}")
        if not 0 < self.pixel_aspect < float("inf"):
            raise ValueError("a pixel's aspect is positive")

    @property
    def content_box(self) -> FloatArray:
        """(4,) whole-numbered box of the input that the film covers; padding lies outside."""
        left, top, width, height = self._content
        return np.array([left, top, left + width, top + height], dtype=np.float64)

    @property
    def spare_factor(self) -> int:
        """The power of two by which the stored grid can be smaller while :meth:`to_input` does the same to it.

        What is left of the factors by which :meth:`to_input` averages is then averaged, and the same resize follows.
        """
        rows, columns = self._upright_hw
        return min(self._averaged((0.0, 0.0, columns, rows)))

    def to_input(self, pixels: UInt8Image, covered: tuple[float, float, float, float] | None = None) -> UInt8Image:
        """Return the network's view of the image.

        Args:
            pixels: (rows, columns) uint8.
            covered: where ``pixels`` are a smaller picture: the box of it that the stored grid covers.

        Returns:
            (H, W) uint8; padding is 0. Powers of two are averaged, the rest is an antialiased bilinear resize.
        """
        if covered is None and pixels.shape != (self.rows, self.columns):
            raise ValueError(f"pixels are {pixels.shape}, the placement is for {(self.rows, self.columns)}")
        left, top, width, height = self._content
        upright = Image.fromarray(np.ascontiguousarray(_turn(pixels, self.orientation)))
        box = self._turn_covered(covered, pixels.shape) if covered else (0.0, 0.0, *upright.size)
        across, down = self._averaged(box)
        x_min, y_min, x_max, y_max = box
        content = upright.reduce((across, down)).resize(
            (width, height), Image.Resampling.BILINEAR, (x_min / across, y_min / down, x_max / across, y_max / down)
        )
        canvas = np.zeros(self.input_hw, dtype=np.uint8)
        canvas[top : top + height, left : left + width] = np.asarray(content)
        return canvas

    def boxes_to_image(self, boxes: FloatArray) -> FloatArray:
        """Map boxes (N, 4) of the input to the stored image, clipped to it."""
        scale, offset = self._affine()
        corners = (np.asarray(boxes, dtype=np.float64).reshape(-1, 2, 2) - offset) / scale
        corners = np.clip(self._unturn_points(corners), 0, [self.columns, self.rows])
        return _as_boxes(corners)

    def boxes_to_input(self, boxes: FloatArray) -> FloatArray:
        """Map boxes (N, 4) of the stored image to the input; the inverse of :meth:`boxes_to_image` inside the film."""
        scale, offset = self._affine()
        corners = self._turn_points(np.asarray(boxes, dtype=np.float64).reshape(-1, 2, 2))
        return _as_boxes(corners * scale + offset)

    def maps_to_image(self, maps: Float32Map) -> Float32Map:
        """Enlarge a map to the stored image.

        Args:
            maps: (h, w) over the whole input, any range.

        Returns:
            (rows, columns) float32, bilinear between cell centres.
        """
        cells = np.array(maps.shape)[[1, 0, 1, 0]] / np.array(self.input_hw)[[1, 0, 1, 0]]
        x_min, y_min, x_max, y_max = (self.content_box * cells).tolist()
        rows, columns = self._upright_hw
        source = Image.fromarray(np.ascontiguousarray(maps, dtype=np.float32))
        upright = source.resize((columns, rows), Image.Resampling.BILINEAR, box=(x_min, y_min, x_max, y_max))
        return np.ascontiguousarray(_unturn(np.asarray(upright), self.orientation))

    @property
    def _upright_hw(self) -> tuple[int, int]:
        swapped = _TURNS[self.orientation][0]
        return (self.columns, self.rows) if swapped else (self.rows, self.columns)

    @property
    def _content(self) -> tuple[int, int, int, int]:
        """Left, top, width, height of the film in the input, whole pixels."""
        rows, columns = self._upright_hw
        aspect = 1 / self.pixel_aspect if _TURNS[self.orientation][0] else self.pixel_aspect
        height, width = self.input_hw
        scale = min(height / (rows * aspect), width / columns)
        content_height = min(height, max(1, round(rows * aspect * scale)))
        content_width = min(width, max(1, round(columns * scale)))
        return (width - content_width) // 2, (height - content_height) // 2, content_width, content_height

    def _averaged(self, box: tuple[float, float, float, float]) -> tuple[int, int]:
        """Return how many pixels of a picture, across and down, are averaged: the largest power of two that fits."""
        _, _, width, height = self._content
        shrunk = (box[2] - box[0]) / width, (box[3] - box[1]) / height
        return _power_of_two(shrunk[0]), _power_of_two(shrunk[1])

    def _affine(self) -> tuple[FloatArray, FloatArray]:
        """Return (2,) scale and (2,) offset, x and y, from the upright image to the input."""
        left, top, width, height = self._content
        rows, columns = self._upright_hw
        return np.array([width / columns, height / rows]), np.array([left, top], dtype=np.float64)

    def _turn_covered(
        self, covered: tuple[float, float, float, float], shape: tuple[int, int]
    ) -> tuple[float, float, float, float]:
        """Turn a box of pixels of the given shape."""
        grid = Placement(*shape, shape, self.orientation)
        x_min, y_min, x_max, y_max = _as_boxes(grid._turn_points(np.array(covered).reshape(-1, 2, 2)))[0].tolist()
        return x_min, y_min, x_max, y_max

    def _turn_points(self, points: FloatArray) -> FloatArray:
        swap, mirror_x, mirror_y = _TURNS[self.orientation]
        rows, columns = self._upright_hw
        turned = points[..., ::-1] if swap else points
        return _mirror(turned, (mirror_x, mirror_y), (columns, rows))

    def _unturn_points(self, points: FloatArray) -> FloatArray:
        swap, mirror_x, mirror_y = _TURNS[self.orientation]
        rows, columns = self._upright_hw
        mirrored = _mirror(points, (mirror_x, mirror_y), (columns, rows))
        return mirrored[..., ::-1] if swap else mirrored


def _power_of_two(factor: float) -> int:
    """Return the largest power of two that is no larger, at least 1."""
    return 1 << (max(1, int(factor)).bit_length() - 1)


def _mirror(points: FloatArray, axes: tuple[bool, bool], size: tuple[int, int]) -> FloatArray:
    return np.where(axes, np.array(size) - points, points)


def _as_boxes(corners: FloatArray) -> FloatArray:
    """Return (N, 4) boxes from (N, 2, 2) opposite corners."""
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _turn(pixels: npt.NDArray[np.generic], orientation: str) -> npt.NDArray[np.generic]:
    swap, mirror_x, mirror_y = _TURNS[orientation]
    turned = pixels.T if swap else pixels
    return turned[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]


def _unturn(pixels: Float32Map, orientation: str) -> Float32Map:
    swap, mirror_x, mirror_y = _TURNS[orientation]
    mirrored = pixels[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    return mirrored.T if swap else mirrored
