"""What becomes of each file of a folder with a manifest: ``python benchmarks/dicom_files.py FOLDER``.

Prints Markdown for docs/dicom.md: what the manifest says of the file, what it expects, and the state in which it ends,
decoded as in a run. The last column is the verdict of the pixels where the header's is overruled.
"""

import argparse
import csv
from collections import Counter
from pathlib import Path

from harvest.batches import Film, iter_films
from harvest.config import DecodeConfig
from harvest.sources import open_source

INPUT_HW = (512, 512)
OVERRULED = DecodeConfig(
    include=("wrong_modality", "wrong_body_part", "wrong_view", "not_a_chest_film", "not_chest_by_pixels")
)


def decode(folder: Path, config: DecodeConfig) -> dict[str, list[Film]]:
    """Films by path."""
    source = open_source(str(folder))
    found: dict[str, list[Film]] = {}
    for film in iter_films(source, list(source.iter_objects()), config, INPUT_HW, 2):
        found.setdefault(film.source.path, []).append(film)
    return found


def state(film: Film) -> str:
    return "accepted" if film.rejection is None else f"`{film.rejection.reason}`"


def line(row: dict[str, str], films: list[Film], overruled: list[Film]) -> str:
    said = [row[name] for name in ("modality", "body_part", "view", "photometric")]
    about = " ".join(one for one in said if one and one != "nan") or "nothing said"
    flags = ", ".join([*films[0].header.oddities, *dict(films[0].recipe).get("flags", ())])
    pixels = overruled[0].verdicts
    seen = f"{pixels.pixels} ({pixels.probability:.2f})" if pixels.probability is not None else "not decoded"
    frames = f", {len(films)} frames" if len(films) > 1 else ""
    cells = (
        f"{row['folder']}/{row['file']}", row["transfer_syntax"], about, row["expected_state"] or "not stated",
        state(films[0]) + frames, flags, seen,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    with (given.folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["folder"], row["file"]))
    films, overruled = decode(given.folder, DecodeConfig()), decode(given.folder, OVERRULED)
    ends = {row["file"]: films[f"{row['folder']}/{row['file']}"] for row in rows}
    print("| file | transfer syntax | header | expected | state | flags | pixels, header overruled |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        path = f"{row['folder']}/{row['file']}"
        print(line(row, films[path], overruled[path]))
    stated = [row for row in rows if row["expected_state"]]
    met = [
        row for row in stated if row["expected_state"] == ("rejected" if ends[row["file"]][0].rejection else "accepted")
    ]
    counts = Counter(state(found[0]) for found in ends.values())
    print(
        f"\n{len(rows)} files; of {len(stated)} with an expected state {len(met)} end in it. States of the first frame:"
    )
    print(", ".join(f"{name} {number}" for name, number in counts.most_common()) + ".")


if __name__ == "__main__":
    main()
