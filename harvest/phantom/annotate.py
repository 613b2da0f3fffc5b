"""What is laid over the picture after exposure: letters of the radiographer and the shutters of the collimator."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from harvest.phantom.canvas import Field, Rng

_PORTABLE_WORDS = ("PORTABLE", "AP", "SUPINE", "SEMI-ERECT", "AP ERECT")
_OVERSIZE = 2
"""Letters are drawn larger and reduced, which smooths them."""
_SHUTTER_SHARE = 0.4
_BOLD = 1
"""Pixels added to every stroke."""
_INITIALS = "ABCDEFGHJKLMNPRSTVW"


def burn_in(grey: Field, view: str, rng: Rng) -> Field:
    """Return the film with a side marker and, on portable films, words; (rows, columns) in [0, 1]."""
    sheet = Image.new("L", (grey.shape[1], grey.shape[0]))
    if rng.random() < 0.88:
        _draw_marker(sheet, rng)
    if view == "AP" and rng.random() < 0.8:
        words = rng.permutation(_PORTABLE_WORDS)[: int(rng.integers(1, 3))].tolist()
        for word, height in zip(words, rng.permutation([0.02, 0.06]).tolist(), strict=False):
            _stamp(sheet, _letters(word, 0.026, rng), (float(rng.uniform(0.04, 0.8)), height))
    ink = np.asarray(sheet, np.float32) * np.float32(1 / 255)
    return np.asarray(np.maximum(grey, ink))


def _draw_marker(sheet: Image.Image, rng: Rng) -> None:
    """L stands on the patient's left, the right side of the image; initials may follow."""
    left = rng.random() < 0.75
    letters = "L" if left else "R"
    if rng.random() < 0.3:
        letters += "\n" + "".join(_INITIALS[int(rng.integers(len(_INITIALS)))] for _ in range(2))
    picture = _letters(letters, float(rng.uniform(0.035, 0.06)), rng, disc=bool(rng.random() < 0.2))
    picture = picture.rotate(float(rng.normal(0, 12)), expand=True, resample=Image.Resampling.BILINEAR)
    across = float(rng.uniform(0.86, 0.92)) if left else float(rng.uniform(0.03, 0.08))
    _stamp(sheet, picture, (across, float(rng.uniform(0.04, 0.2))))


def _letters(text: str, size: float, rng: Rng, *, disc: bool = False) -> Image.Image:
    """Return text as a small picture; ``size`` is a share of a film of 512 pixels, scaled when stamped."""
    font = ImageFont.load_default(round(size * 512 * _OVERSIZE))
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    box = pen.multiline_textbbox((0, 0), text, font=font, align="center", stroke_width=_BOLD)
    margin = (box[3] - box[1]) * 0.35 if disc else 2
    picture = Image.new("L", (round(box[2] - box[0] + 2 * margin), round(box[3] - box[1] + 2 * margin)))
    pen = ImageDraw.Draw(picture)
    level = int(rng.integers(200, 256))
    if disc:
        pen.ellipse((1, 1, picture.width - 2, picture.height - 2), outline=level, width=round(2 * _OVERSIZE))
    pen.multiline_text(
        (margin - box[0], margin - box[1]), text, fill=level, font=font, align="center", stroke_width=_BOLD
    )
    return picture


def _stamp(sheet: Image.Image, picture: Image.Image, place: tuple[float, float]) -> None:
    scale = max(sheet.size) / 512 / _OVERSIZE
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    corner = (round(place[0] * sheet.width), round(place[1] * sheet.height))
    sheet.paste(small, (min(corner[0], sheet.width - size[0] - 2), corner[1]), small)


def draw_opening(rows: int, columns: int, rng: Rng) -> Field:
    """Return (rows, columns) in [0, 1]: 0 where the shutters of the collimator, which may be askew, cover the film.

    The shutters depend on the generator alone, so coarse and fine drawings of a film agree.
    """
    closed = rng.random() < _SHUTTER_SHARE
    inset = rng.uniform(0, 0.05, 4) * (rng.random(4) < 0.6)
    skew = rng.normal(0, 0.006, 4)
    if not closed:
        return np.ones((rows, columns), np.float32)
    corners = [
        ((inset[0] + skew[0]) * columns, (inset[1] + skew[1]) * rows),
        ((1 - inset[2] + skew[2]) * columns, (inset[1] - skew[1]) * rows),
        ((1 - inset[2] - skew[2]) * columns, (1 - inset[3] + skew[3]) * rows),
        ((inset[0] - skew[0]) * columns, (1 - inset[3] - skew[3]) * rows),
    ]
    opening = Image.new("L", (columns, rows))
    ImageDraw.Draw(opening).polygon(corners, fill=255)
    return np.asarray(opening.filter(ImageFilter.BoxBlur(0.7)), np.float32) * np.float32(1 / 255)
