"""JSON as CheXlocalize's annotations have it: by film, its size and a list of contours for each finding.

Source of the layout: Saporta et al., Nature Machine Intelligence 4, 867-878, 2022. A box is its four corners. Findings
have CheXlocalize's names; those that it does not know keep ours, and its scripts pass over them.
"""

import json
from pathlib import Path
from typing import Any

from harvest.export.records import Export, ExportedFilm

NAMES = {"Effusion": "Pleural Effusion"}
"""Where CheXlocalize calls the same finding otherwise."""


def export_chexlocalize(export: Export, out: Path) -> int:
    """Write the file; return the number of boxes."""
    content = {stem: _film(film) for stem, film in export.by_stem().items()}
    out.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return sum(len(film.boxes) for film in export.films)


def _film(film: ExportedFilm) -> dict[str, Any]:
    contours: dict[str, Any] = {"img_size": list(film.hw)}
    for box in film.boxes:
        x_min, y_min, x_max, y_max = (box[name] for name in ("x_min", "y_min", "x_max", "y_max"))
        corners = [[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]]
        name = NAMES.get(box["finding"]) or box["finding"].replace("_", " ")
        contours.setdefault(name, []).append(corners)
    return contours
