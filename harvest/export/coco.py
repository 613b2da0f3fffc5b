"""COCO: one JSON file, boxes as x, y, width, height in pixels of the stored image."""

import json
from pathlib import Path

from harvest.export.records import Export
from models.findings import FINDINGS


def export_coco(export: Export, out: Path) -> int:
    """Write the file; return the number of boxes. ``score`` is the finding's probability on the film."""
    number = {film.key: place for place, film in enumerate(export.films, start=1)}
    images = [
        {
            "id": number[film.key],
            "file_name": film.file_name,
            "height": film.hw[0],
            "width": film.hw[1],
            "instance_key": film.key,
        }
        for film in export.films
    ]
    annotations = [
        {
            "id": place,
            "image_id": number[film.key],
            "category_id": FINDINGS.index(box["finding"]) + 1,
            "bbox": [box["x_min"], box["y_min"], box["x_max"] - box["x_min"], box["y_max"] - box["y_min"]],
            "area": (box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]),
            "segmentation": [],
            "iscrowd": 0,
            "score": box["probability"],
            "attributes": {"rank": box["rank"], "mean_attention": box["mean_attention"]},
        }
        for place, (film, box) in enumerate(export.iter_boxes(), start=1)
    ]
    content = {
        "info": {"description": export.algorithm, "version": export.run["config_fingerprint"]},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": place, "name": name} for place, name in enumerate(FINDINGS, start=1)],
    }
    out.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return len(annotations)
