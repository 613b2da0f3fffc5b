"""Pictures that are no frontal chest film: drawn ones, and cuttings of photographs and films; for the pixel gate."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage
from PIL import Image, ImageDraw, ImageFilter

Grey = npt.NDArray[np.uint8]
Rng = np.random.Generator
SIDE = 128
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "page",
    "rocket",
    "text",
)
UNSEEN_PHOTOGRAPHS = ("cell", "clock_motion", "horse", "hubble_deep_field", "moon", "motorcycle_left", "retina", "ihc")
"""Of scikit-image's package; these only measure."""


def photograph(names: tuple[str, ...], rng: Rng) -> Grey:
    """A cutting of one of scikit-image's pictures."""
    return cutting(read_photograph(names[rng.integers(len(names))]), rng, (0.3, 1.0))


@cache
def read_photograph(name: str) -> Grey:
    path = next((Path(skimage.__file__).parent / "data").glob(f"{name}.*"))
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def cutting(pixels: Grey, rng: Rng, share: tuple[float, float]) -> Grey:
    """A random rectangle of a picture, ``share`` of its sides."""
    rows, columns = pixels.shape
    height, width = (max(8, int(side * rng.uniform(*share))) for side in (rows, columns))
    top, left = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
    return shrink(pixels[top : top + height, left : left + width])


def shrink(pixels: Grey) -> Grey:
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def noise(rng: Rng) -> Grey:
    """Clouds of any roughness, from soft to white noise."""
    rows, columns = np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None]
    power = np.hypot(rows, columns * rng.uniform(0.3, 3)).clip(1 / SIDE) ** -rng.uniform(0, 3)
    return stretch(np.fft.ifft2(power * np.fft.fft2(rng.standard_normal((SIDE, SIDE)))).real, rng)


def gradient(rng: Rng) -> Grey:
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * rows + np.sin(angle) * columns
    wave = np.sin(slope * rng.uniform(1, 40)) if rng.random() < 0.5 else slope
    return stretch(wave + rng.uniform(0, 0.3) * rng.standard_normal(wave.shape), rng)


def text(rng: Rng) -> Grey:
    """Lines of words, as of a scanned report."""
    image = Image.new("L", (SIDE * 2, SIDE * 2), int(rng.integers(170, 256)))
    draw, ink = ImageDraw.Draw(image), int(rng.integers(0, 80))
    step = int(rng.integers(6, 24))
    for row in range(int(rng.integers(4, 40)), 2 * SIDE - 8, step):
        column = int(rng.integers(4, 40))
        while column < 2 * SIDE - 20 and rng.random() < 0.93:
            width = int(rng.integers(4, 36))
            draw.rectangle((column, row, column + width, row + step // 3), fill=ink)
            column += width + int(rng.integers(3, 10))
    return shrink(np.asarray(image))


def charts(rng: Rng) -> Grey:
    """Test patterns: rectangles, stripes, steps of grey."""
    image = Image.new("L", (SIDE, SIDE), int(rng.integers(256)))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 30)):
        corners = sorted(rng.integers(0, SIDE, 2).tolist()), sorted(rng.integers(0, SIDE, 2).tolist())
        draw.rectangle((corners[0][0], corners[1][0], corners[0][1], corners[1][1]), fill=int(rng.integers(256)))
    return np.asarray(image)


def slice_of_body(rng: Rng) -> Grey:
    """An axial slice: bright ring, soft inside, dark or bright organs, air around."""
    image = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 40)))
    draw = ImageDraw.Draw(image)
    width, height = rng.uniform(0.25, 0.48, 2) * SIDE
    ellipse(draw, (SIDE / 2, SIDE / 2), (width, height), int(rng.integers(90, 256)))
    rim = rng.uniform(2, 8)
    ellipse(draw, (SIDE / 2, SIDE / 2), (width - rim, height - rim), int(rng.integers(60, 180)))
    for _ in range(rng.integers(2, 10)):
        centre = SIDE / 2 + rng.uniform(-0.6, 0.6, 2) * (width, height)
        ellipse(draw, tuple(centre), tuple(rng.uniform(0.05, 0.3, 2) * (width, height)), int(rng.integers(256)))
    return blurred(image, rng)


def limb(rng: Rng) -> Grey:
    """One or two long bones in soft tissue on a dark (or shuttered, bright) ground, upright or lying."""
    image = Image.new("L", (SIDE, SIDE), int(rng.choice([0, 20, 235, 255])))
    draw = ImageDraw.Draw(image)
    middle, spread = rng.uniform(0.35, 0.65) * SIDE, rng.uniform(0.1, 0.3) * SIDE
    lean = rng.uniform(-0.2, 0.2) * SIDE
    if rng.random() < 0.4:
        edge = spread * rng.uniform(1.1, 1.6)
        draw.rectangle((middle - edge, 0, middle + edge, SIDE), fill=int(rng.integers(0, 30)))
    strip(draw, middle, lean, spread, int(rng.integers(60, 140)))
    for _ in range(rng.integers(1, 3)):
        bone = middle + rng.uniform(-0.5, 0.5) * spread
        strip(draw, bone, lean, spread * rng.uniform(0.15, 0.35), int(rng.integers(150, 256)))
    for _ in range(rng.integers(0, 3)):
        centre = (middle + rng.uniform(-0.4, 0.4) * spread, rng.uniform(0, 1) * SIDE)
        ellipse(draw, centre, tuple(spread * rng.uniform(0.4, 0.9, 2)), int(rng.integers(140, 230)))
    return blurred(image, rng)


def hand(rng: Rng) -> Grey:
    """A palm and five fingers with bones."""
    image = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 40)))
    draw = ImageDraw.Draw(image)
    palm, size = (rng.uniform(0.4, 0.6) * SIDE, rng.uniform(0.6, 0.75) * SIDE), rng.uniform(0.13, 0.22) * SIDE
    flesh, bone = int(rng.integers(60, 130)), int(rng.integers(150, 256))
    ellipse(draw, palm, (size, size * 1.2), flesh)
    for angle in np.linspace(-1.1, 0.8, 5) + rng.normal(0, 0.06, 5):
        tip = (palm[0] + np.sin(angle) * size * 2.8, palm[1] - np.cos(angle) * size * 2.8)
        draw.line((*palm, *tip), fill=flesh, width=int(size * 0.5))
        for start in (0.25, 0.55, 0.8):
            joint = [(1 - at) * np.array(palm) + at * np.array(tip) for at in (start, start + 0.17)]
            draw.line((*joint[0], *joint[1]), fill=bone, width=max(2, int(size * 0.2)))
    return blurred(image, rng)


def breast(rng: Rng) -> Grey:
    """A half ellipse at one side of a black film."""
    image = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 15)))
    draw = ImageDraw.Draw(image)
    size = (rng.uniform(0.25, 0.7) * SIDE, rng.uniform(0.2, 0.45) * SIDE)
    centre = (SIDE, rng.uniform(0.4, 0.6) * SIDE)
    ellipse(draw, centre, size, int(rng.integers(50, 140)))
    for _ in range(rng.integers(3, 12)):
        at = (centre[0] - rng.uniform(0.1, 0.8) * size[0], centre[1] + rng.uniform(-0.6, 0.6) * size[1])
        ellipse(draw, at, tuple(rng.uniform(0.05, 0.3, 2) * size[1]), int(rng.integers(90, 256)))
    return blurred(image, rng)


def round_field(rng: Rng) -> Grey:
    """The round picture of an image intensifier with vessels or a skull."""
    inside = Image.fromarray(noise(rng))
    draw = ImageDraw.Draw(inside)
    for _ in range(rng.integers(2, 14)):
        points = np.cumsum(rng.normal(0, 12, (8, 2)), axis=0) + SIDE / 2
        draw.line([tuple(point) for point in points], fill=int(rng.integers(0, 90)), width=int(rng.integers(1, 4)))
    mask = Image.new("L", (SIDE, SIDE), 0)
    radius = rng.uniform(0.42, 0.55) * SIDE
    ellipse(ImageDraw.Draw(mask), (SIDE / 2, SIDE / 2), (radius, radius), 255)
    return np.asarray(Image.composite(inside, Image.new("L", (SIDE, SIDE), int(rng.integers(0, 20))), mask))


def trunk_from_the_side(rng: Rng) -> Grey:
    """A rough lateral chest: bright spine at the back, dark lung in front of it, heart below, arm or chin above."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    front, back = rng.uniform(0.05, 0.2), rng.uniform(0.75, 0.95)
    grey = 120 * ((columns > front) & (columns < back + 0.1)).astype(float)
    spine = back - 0.12 - 0.1 * np.sin(rows * np.pi)
    grey += 70 * np.exp(-(((columns - spine) / 0.06) ** 2))
    lung = ((columns - 0.5) / rng.uniform(0.22, 0.3)) ** 2 + ((rows - 0.45) / rng.uniform(0.32, 0.42)) ** 2
    grey -= rng.uniform(60, 110) * (lung < 1)
    heart = ((columns - front - 0.22) / 0.2) ** 2 + ((rows - rng.uniform(0.58, 0.7)) / 0.17) ** 2
    grey += rng.uniform(50, 110) * (heart < 1)
    grey += 90 * (rows > rng.uniform(0.75, 0.9) + 0.1 * columns)
    pixels = stretch(grey + 4 * rng.standard_normal(grey.shape), rng)
    return blurred(Image.fromarray(pixels[:, ::-1] if rng.random() < 0.5 else pixels), rng)


DRAWN: tuple[Callable[[Rng], Grey], ...] = (
    noise, gradient, text, charts, slice_of_body, limb, hand, breast, round_field, trunk_from_the_side,
)  # fmt: skip


def stretch(values: npt.NDArray[np.floating], rng: Rng) -> Grey:
    low, high = np.quantile(values, [rng.uniform(0, 0.05), rng.uniform(0.95, 1)])
    return (255 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)


def blurred(image: Image.Image, rng: Rng) -> Grey:
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3))), np.float32)
    return (soft + rng.uniform(0, 12) * rng.standard_normal(soft.shape)).clip(0, 255).astype(np.uint8)


def ellipse(draw: ImageDraw.ImageDraw, centre: tuple, size: tuple, fill: int) -> None:
    (x, y), (width, height) = centre, size
    draw.ellipse((x - abs(width), y - abs(height), x + abs(width), y + abs(height)), fill=fill)


def strip(draw: ImageDraw.ImageDraw, middle: float, lean: float, half: float, fill: int) -> None:
    top, bottom = middle - lean, middle + lean
    draw.polygon([(top - half, 0), (top + half, 0), (bottom + half, SIDE), (bottom - half, SIDE)], fill=fill)
