"""Make the shipped bundle ``demo``: train on phantoms, choose thresholds on others, measure on others again.

    python benchmarks/demo_bundle.py            (make demo-bundle)

Shares its work directory with ``phantom_ablation.py``, whose network with multi-scale aggregation and full knowledge
preservation it is.
"""

import shutil
from pathlib import Path

from phantom_films import SEEDS, Workplace
from trainer import note

from harvest.tuning import measure_into_card, tune_thresholds
from models.bundle_files import CARD_FILE, SPEC_FILE, WEIGHTS_FILE

NOTES = """Phantoms only (`iam-harvest phantom`): drawings of chest films with exact findings. The bundle shows how the
program works, and knows nothing of real films.
"""
SHIPPED = Path(__file__).parents[1] / "models" / "bundles" / "demo"


def main() -> None:
    """Train, tune, measure, put into the package."""
    place = Workplace.from_command_line(__doc__)
    place.bundle("msa", attention_mining={"epochs": 0})
    mined = place.bundle("demo", "msa", notes=NOTES)
    ready = place.directory / "bundles" / "demo-ready"
    note("choosing thresholds")
    tune_thresholds(str(mined), place.request("tune"), ready)
    note("measuring")
    where = f"{place.films['score']:,} phantoms of seed {SEEDS['score']} (training: seed {SEEDS['train']})"
    measure_into_card(str(ready), place.request("score"), where)
    SHIPPED.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS_FILE, SPEC_FILE, CARD_FILE):
        shutil.copyfile(ready / name, SHIPPED / name)
    note(f"{SHIPPED} written")


if __name__ == "__main__":
    main()
