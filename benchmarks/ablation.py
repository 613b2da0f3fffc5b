"""What each part of the method brings on real films: radiologists' boxes of ChestX-ray14.

    python benchmarks/ablation.py --data DIR

Base networks are trained on the labels of split train; all mining rows start from one of them. Thresholds of every row
are chosen on the boxes of dev, and every row is scored on the boxes of train: those were never used, but the labels of
these films were trained on. An interrupted run goes on where it stopped. Results: ``results.json`` in the work
directory.
"""

from pathlib import Path

from nih_films import NihFilms
from variants import Variant, compare

KNOWLEDGE = ("none", "vanilla", "full")
PAPER = {"place_weight": 0.0, "asymmetry_weight": 0.0}
"""Attention is cut as it comes; what ``nih-mini`` adds to that, ``beyond.py`` measures."""


def variants(films: NihFilms) -> list[Variant]:
    """Train what is not trained yet; return the rows, the first of which the others are compared with."""
    trainer = films.trainer
    base = trainer.bundle("base", attention_mining={"epochs": 0})
    plain = trainer.bundle("no-msa", network={"multiscale": False}, attention_mining={"epochs": 0})
    average = trainer.bundle("average", network={"pooling": "average"}, attention_mining={"epochs": 0})
    mined = {kind: trainer.bundle(f"kp-{kind}", "base", attention_mining={"knowledge": kind}) for kind in KNOWLEDGE}
    faithful = trainer.bundle("kp-full-average", "average", network={"pooling": "average"})
    return [
        Variant("CAM, average pooling", average, 1, boxes=PAPER),
        Variant("T = 3, KP full, average pooling", faithful, 3, boxes=PAPER),
        Variant("CAM, PCAM pooling", base, 1, boxes=PAPER),
        Variant("CAM, PCAM pooling, without MSA", plain, 1, boxes=PAPER),
        *(Variant(f"T = 3, PCAM, KP {kind}", path, 3, boxes=PAPER) for kind, path in mined.items()),
        *_cut_otherwise(mined["full"]),
    ]


def _cut_otherwise(full: Path) -> list[Variant]:
    return [
        Variant("T = 2, PCAM, KP full", full, 2, boxes=PAPER),
        *(Variant(f"T = 3, PCAM, KP full, merge {merge}", full, 3, merge, PAPER) for merge in ("raw", "max")),
        Variant(
            "T = 3, PCAM, KP full, lowest threshold first", full, 3, boxes=PAPER | {"rank_by": "threshold_ascending"}
        ),
        Variant("T = 3, PCAM, KP full, all components", full, 3, boxes=PAPER | {"components": "all"}),
    ]


def main() -> None:
    """Train, score, print."""
    films = NihFilms.from_command_line(__doc__)
    requests = {name: films.request(name) for name in ("tune", "score")}
    compare(variants(films), requests, films.directory, "394 radiologists' boxes of split train; thresholds from dev")


if __name__ == "__main__":
    main()
