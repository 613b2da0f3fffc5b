"""Where mining lands: how often what an iteration finds lies in the box that was drawn.

    python benchmarks/mined_places.py BUNDLE --images DIR --labels CSV --boxes CSV
        [--box-frame 1024 1024] [--split-column C --split NAME]

For every annotated (film, finding): is the maximum of H_t, over the cells that M_{t-1} leaves visible, inside a drawn
box? How much of the box did the first iteration erase, and how much of what it erased lies outside the box? Iterations
add to a box only where later maxima are inside it as well.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from variants import Films

from harvest.attention import dequantise_maps
from harvest.evaluation.of_lake import EvaluationRequest
from harvest.evaluation.recut import StoredFilm

Grid = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Landing:
    """One annotated (film, finding).

    Attributes:
        inside: of each iteration, whether its maximum is in a drawn box; None where nothing was left to be mined.
        erased_of_drawn: share of the drawn boxes that the first mask erased, [0, 1].
        erased_outside: share of what it erased that is outside, [0, 1]; None where it erased nothing.
    """

    inside: tuple[bool | None, ...]
    erased_of_drawn: float
    erased_outside: float | None


def landing(one: StoredFilm, drawn: npt.NDArray[np.float64]) -> Landing:
    """Say where the iterations of one film and finding landed; ``drawn`` is (A, 4) in pixels of the stored image."""
    attention, keep = dequantise_maps(one.stored)
    inside_box = _cells(one, drawn, attention.shape[1:])
    visible = np.where(keep, attention, -np.inf).reshape(len(keep), -1)
    hits = inside_box.ravel()[visible.argmax(axis=1)]
    mined = [True, *(bool((keep[t - 1] != keep[t]).any()) for t in range(1, len(keep)))]
    erased = ~keep[1] if len(keep) > 1 else np.zeros_like(inside_box)
    outside = float((erased & ~inside_box).sum() / erased.sum()) if erased.any() else None
    share = float((erased & inside_box).sum() / max(1, inside_box.sum()))
    return Landing(tuple(bool(hit) if go else None for hit, go in zip(hits, mined, strict=True)), share, outside)


def _cells(one: StoredFilm, drawn: npt.NDArray[np.float64], shape: tuple[int, ...]) -> Grid:
    """Return the cells (h, w) of the map that a drawn box touches."""
    height, width = np.array(one.placement.input_hw) / np.array(shape)
    boxes = one.placement.boxes_to_input(drawn) / np.array([width, height, width, height])
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    touched = [(rows + 1 > y0) & (rows < y1) & (columns + 1 > x0) & (columns < x1) for x0, y0, x1, y1 in boxes]
    return np.asarray(np.any(touched, axis=0))


def _mean(values: list[float | bool | None]) -> str:
    known = [float(one) for one in values if one is not None]
    return f"{np.mean(known):.2f} (n {len(known)})" if known else "-"


def main() -> None:
    """Harvest the annotated films, look, print a row per finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    for name in ("images", "labels", "boxes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--box-frame", type=float, nargs=2, help="width and height that boxes are given in")
    parser.add_argument("--split-column")
    parser.add_argument("--split", nargs="*", default=())
    parser.add_argument("--work", type=Path, default=Path("work/mined-places"))
    given = parser.parse_args()
    frame = tuple(given.box_frame) if given.box_frame else None
    request = EvaluationRequest(
        given.boxes, frame, given.labels, given.split_column, tuple(given.split), images=given.images
    )
    films = Films("films", request, given.work)
    drawn = films.scope(given.bundle).corners()
    found: dict[str, list[Landing]] = defaultdict(list)
    for one in films.stored(given.bundle):
        landed = landing(one, drawn[one.stem, one.finding])
        for name in (one.finding, "all"):
            found[name].append(landed)
    table = Table(title=f"{given.bundle.name}: share of films whose maximum is inside a drawn box")
    for header in ("finding", "H_1", "H_2", "H_3", "of the box erased by M_1", "of M_1's erased cells outside"):
        table.add_column(header)
    for name in [*sorted(set(found) - {"all"}), "all"]:
        rows = found[name]
        iterations = [_mean([one.inside[t] for one in rows]) for t in range(3)]
        table.add_row(
            name, *iterations, _mean([one.erased_of_drawn for one in rows]), _mean([one.erased_outside for one in rows])
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
