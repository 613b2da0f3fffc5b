"""What the shipped ``nih-mini`` adds to the method, part by part, on real films: radiologists' boxes of ChestX-ray14.

    python benchmarks/beyond.py --data DIR

Nothing is trained: every row is cut from the maps of the shipped bundle. Thresholds of every row are chosen on the
boxes of dev, and every row is scored on the boxes of train, whose labels were trained on. Results: ``results.json`` in
``beyond`` of the work directory.
"""

from nih_films import NihFilms
from trainer import SHIPPED
from variants import Variant, compare

ADDED = {
    "": {"place_weight": 0.0, "asymmetry_weight": 0.0},
    ", places": {"asymmetry_weight": 0.0},
    ", asymmetry": {"place_weight": 0.0},
    ", places, asymmetry": {},
}
"""Settings of cutting that differ from the bundle's, which has both."""
ITERATIONS = {"CAM": 1, "T = 3": 3}


def variants() -> list[Variant]:
    """Return the rows, the first of which the others are compared with; the last two weigh mining and ranks alone."""
    bundle = SHIPPED / "nih-mini"
    rows = [
        Variant(f"{name}{added}", bundle, count, "raw", boxes)
        for name, count in ITERATIONS.items()
        for added, boxes in ADDED.items()
    ]
    full = rows[-1].name
    return [
        *rows,
        Variant(full, bundle, 3, "raw", against="CAM, places, asymmetry"),
        Variant(f"{full}, ranked by mean attention", bundle, 3, "raw", {"rank_by": "mean_attention"}, against=full),
    ]


def main() -> None:
    """Score and print."""
    films = NihFilms.from_command_line(__doc__)
    requests = {name: films.request(name) for name in ("tune", "score")}
    compare(
        variants(), requests, films.directory / "beyond", "394 radiologists' boxes of split train, maps of nih-mini"
    )


if __name__ == "__main__":
    main()
