"""Label Studio: tasks with predictions to correct, in a folder with the labelling interface.

Coordinates are per cent of the image. ``data.image`` is the film's name: where the films lie is set on import.
"""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from harvest.export.records import Export, ExportedFilm
from models.findings import FINDINGS

TASKS = "tasks.json"
INTERFACE = "interface.xml"


def export_label_studio(export: Export, out: Path) -> int:
    """Write the folder; return the number of boxes."""
    out.mkdir(parents=True, exist_ok=True)
    tasks = [_task(film, export.algorithm) for film in export.films]
    (out / TASKS).write_text(json.dumps(tasks) + "\n", encoding="utf-8")
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in FINDINGS)
    interface = (
        '<View>\n  <Image name="image" value="$image"/>\n'
        f'  <RectangleLabels name="label" toName="image">\n{labels}\n  </RectangleLabels>\n</View>\n'
    )
    (out / INTERFACE).write_text(interface, encoding="utf-8")
    return sum(len(film.boxes) for film in export.films)


def _task(film: ExportedFilm, algorithm: str) -> dict[str, Any]:
    result = [_region(film, place, box) for place, box in enumerate(film.boxes, start=1)]
    score = max((box["probability"] for box in film.boxes), default=0.0)
    return {
        "data": {"image": film.file_name, "instance_key": film.key},
        "predictions": [{"model_version": algorithm, "score": score, "result": result}],
    }


def _region(film: ExportedFilm, place: int, box: dict[str, Any]) -> dict[str, Any]:
    rows, columns = film.hw
    return {
        "id": f"{film.key[:8]}-{place}",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": columns,
        "original_height": rows,
        "image_rotation": 0,
        "score": box["probability"],
        "value": {
            "x": 100 * box["x_min"] / columns,
            "y": 100 * box["y_min"] / rows,
            "width": 100 * (box["x_max"] - box["x_min"]) / columns,
            "height": 100 * (box["y_max"] - box["y_min"]) / rows,
            "rotation": 0,
            "rectanglelabels": [box["finding"]],
        },
    }
