"""What each part of the method brings, on phantoms: exact boxes, films that nobody trained on.

    python benchmarks/phantom_ablation.py

Draws three archives from three seeds (training, choice of thresholds, scoring), trains one network without and one with
multi-scale aggregation, mines the latter with knowledge preservation none, vanilla and full, does so again with the
sharper pooling that the bundle ``demo`` has, and scores every variant with thresholds of its own. An interrupted run
goes on where it stopped. Results: ``results.json`` in the work directory.
"""

from phantom_films import Workplace
from variants import Variant, compare

KNOWLEDGE = ("none", "vanilla", "full")
WIDE = {"pooling": "pcam"}
"""Pooling that spreads the maps; the preset's log-sum-exp is close to the maximum and narrows them."""


def variants(place: Workplace) -> list[Variant]:
    """Train what is not trained yet; return the rows, the first of which the others are compared with."""
    base = place.bundle("wide", network=WIDE, attention_mining={"epochs": 0})
    plain = place.bundle("no-msa", network=WIDE | {"multiscale": False}, attention_mining={"epochs": 0})
    mined = {
        kind: place.bundle(f"kp-{kind}", "wide", network=WIDE, attention_mining={"knowledge": kind})
        for kind in KNOWLEDGE
    }
    full = mined["full"]
    sharp = place.bundle("msa", attention_mining={"epochs": 0})
    sharp_mined = place.bundle("demo", "msa")
    narrow = "CAM, log-sum-exp pooling"
    return [
        Variant("CAM (T = 1)", base, 1),
        Variant("CAM without MSA", plain, 1),
        *(Variant(f"T = 3, KP {kind}", path, 3) for kind, path in mined.items()),
        Variant("T = 2, KP full", full, 2),
        *(Variant(f"T = 3, KP full, merge {merge}", full, 3, merge) for merge in ("raw", "max")),
        Variant(narrow, sharp, 1),
        *(
            Variant(f"T = 3, KP full, log-sum-exp pooling, merge {merge}", sharp_mined, 3, merge, against=narrow)
            for merge in ("normalised", "raw")
        ),
    ]


def main() -> None:
    """Draw, train, score, print."""
    place = Workplace.from_command_line(__doc__)
    requests = {name: place.request(name) for name in ("tune", "score")}
    compare(
        variants(place), requests, place.directory, f"{place.films['score']:,} phantoms of a seed unused in training"
    )


if __name__ == "__main__":
    main()
