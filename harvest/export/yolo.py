"""YOLO: a text file per film in ``labels/`` (class, centre x, centre y, width, height as shares), and ``data.yaml``.

A film without boxes has an empty file: it is a negative example.
"""

from pathlib import Path

from harvest.export.records import Export, ExportedFilm
from models.findings import FINDINGS


def export_yolo(export: Export, out: Path) -> int:
    """Write the folder; return the number of boxes."""
    (out / "labels").mkdir(parents=True, exist_ok=True)
    for stem, film in export.by_stem().items():
        (out / "labels" / f"{stem}.txt").write_text("".join(_lines(film)), encoding="utf-8")
    names = "".join(f"  {place}: {name}\n" for place, name in enumerate(FINDINGS))
    text = f"# {export.algorithm}\npath: .\ntrain: images\nval: images\nnames:\n{names}"
    (out / "data.yaml").write_text(text, encoding="utf-8")
    return sum(len(film.boxes) for film in export.films)


def _lines(film: ExportedFilm) -> list[str]:
    rows, columns = film.hw
    return [
        f"{FINDINGS.index(box['finding'])} {(box['x_min'] + box['x_max']) / 2 / columns:.6f} "
        f"{(box['y_min'] + box['y_max']) / 2 / rows:.6f} {(box['x_max'] - box['x_min']) / columns:.6f} "
        f"{(box['y_max'] - box['y_min']) / rows:.6f}\n"
        for box in film.boxes
    ]
