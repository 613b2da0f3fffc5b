"""Pictures to look at: each film with boxes as PNG, the boxes and what they are drawn into it."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from harvest.export.records import Export, ExportedFilm
from harvest.films_of_lake import FilmsOfLake
from harvest.lake import open_lake
from harvest.records import UInt8Image
from harvest.run_record import latest_complete_run

LONGEST_SIDE = 1024
"""Pixels; a picture is for eyes, the tables hold the numbers."""
COLOURS = ("#ffb000", "#4cc9f0", "#f72585", "#80ed99", "#ff6d00", "#c77dff", "#ffe66d", "#2ec4b6")


def export_png_overlay(export: Export, out: Path, archive: str | None = None) -> int:
    """Write ``<name>.png`` for every film with boxes; return the number of boxes."""
    out.mkdir(parents=True, exist_ok=True)
    lake = open_lake(export.lake)
    films = FilmsOfLake(lake, latest_complete_run(lake), archive)
    drawn = 0
    for stem, film in export.by_stem().items():
        if film.boxes:
            draw_boxes(films.read(film.key), film).save(out / f"{stem}.png")
            drawn += len(film.boxes)
    return drawn


def draw_boxes(pixels: UInt8Image, film: ExportedFilm) -> Image.Image:
    """Return the film, made smaller where it is large, with its boxes; each finding has its colour."""
    image = Image.fromarray(pixels)
    scale = min(1.0, LONGEST_SIDE / max(image.size))
    picture = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX)
    canvas = picture.convert("RGB")
    draw = ImageDraw.Draw(canvas)
    names = list(dict.fromkeys(box["finding"] for box in film.boxes))
    for box in reversed(film.boxes):
        _draw(draw, box, scale, COLOURS[names.index(box["finding"]) % len(COLOURS)])
    return canvas


def _draw(draw: ImageDraw.ImageDraw, box: dict[str, Any], scale: float, colour: str) -> None:
    corners = [box[name] * scale for name in ("x_min", "y_min", "x_max", "y_max")]
    draw.rectangle(corners, outline=colour, width=3 if box["rank"] == 1 else 1)
    if box["rank"] == 1:
        text = f"{box['finding'].replace('_', ' ')} {box['probability']:.2f}"
        draw.text((corners[0] + 4, corners[1] + 2), text, fill=colour, font=ImageFont.load_default(14))
