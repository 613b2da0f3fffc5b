"""Make the shipped bundle ``demo``: train on phantoms, choose thresholds on others, measure on others again.

    python benchmarks/demo_bundle.py            (make demo-bundle)

Shares its work directory with ``phantom_ablation.py``, whose last row it is.
"""

from phantom_films import SEEDS, Workplace
from trainer import ship

NOTES = """Phantoms only (`iam-harvest phantom`): drawings of chest films with exact findings. The bundle shows how the
program works, and knows nothing of real films.
"""


def main() -> None:
    """Train, tune, measure, put into the package."""
    place = Workplace.from_command_line(__doc__)
    place.bundle("msa", attention_mining={"epochs": 0})
    mined = place.bundle("demo", "msa", notes=NOTES)
    where = f"{place.films['unseen']:,} phantoms of seed {SEEDS['unseen']} (training: seed {SEEDS['train']})"
    ship(mined, "demo", place.request("tune"), place.request("unseen"), where)


if __name__ == "__main__":
    main()
