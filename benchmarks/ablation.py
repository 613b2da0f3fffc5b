"""What each part of the method brings on real films: radiologists' boxes of ChestX-ray14.

    python benchmarks/ablation.py --data DIR

One base network is trained on the labels of split train, and all mining starts from it; what needs another base network
(pooling, multi-scale aggregation, resolution) is compared by ``recipes.py``. Thresholds of every row are chosen on the
boxes of dev, and every row is scored on the boxes of train: those were never used, but the labels of these films were
trained on. An interrupted run goes on where it stopped. Results: ``results.json`` in the work directory.
"""

from pathlib import Path

from nih_films import NihFilms
from nih_mini import NOTES
from variants import Variant, compare

KNOWLEDGE = ("none", "vanilla")
"""Besides ``full``, which is ``nih-mini`` itself."""
PAPER = {"place_weight": 0.0, "asymmetry_weight": 0.0, "rank_by": "mean_attention"}
"""Attention is cut as it comes, the largest mean first; what ``nih-mini`` adds to that, ``beyond.py`` measures."""


def variants(films: NihFilms) -> list[Variant]:
    """Train what is not trained yet; return the rows, the first of which the others are compared with."""
    trainer = films.trainer
    trainer.bundle("base", attention_mining={"epochs": 0})
    full = trainer.bundle("nih-mini", "base", notes=NOTES)
    mined = {kind: trainer.bundle(f"kp-{kind}", "base", attention_mining={"knowledge": kind}) for kind in KNOWLEDGE}
    whole = trainer.bundle("shared-5", "base", network={"shared_stages": 5})
    return [
        Variant("CAM", full, 1, boxes=PAPER),
        *(Variant(f"T = 3, KP {kind}", path, 3, boxes=PAPER) for kind, path in mined.items()),
        Variant("T = 3, KP full", full, 3, boxes=PAPER),
        Variant("T = 3, KP full, whole backbone shared", whole, 3, boxes=PAPER),
        *_cut_otherwise(full),
    ]


def _cut_otherwise(full: Path) -> list[Variant]:
    return [
        Variant("T = 2, KP full", full, 2, boxes=PAPER),
        *(Variant(f"T = 3, KP full, merge {merge}", full, 3, merge, PAPER) for merge in ("raw", "max")),
        Variant("T = 3, KP full, lowest threshold first", full, 3, boxes=PAPER | {"rank_by": "threshold_ascending"}),
        Variant("T = 3, KP full, all components", full, 3, boxes=PAPER | {"components": "all"}),
    ]


def main() -> None:
    """Train, score, print."""
    films = NihFilms.from_command_line(__doc__)
    requests = {name: films.request(name) for name in ("tune", "score")}
    compare(variants(films), requests, films.directory, "394 radiologists' boxes of split train; thresholds from dev")


if __name__ == "__main__":
    main()
