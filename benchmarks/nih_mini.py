"""Make the shipped bundle ``nih-mini``: train on split train of ChestX-ray14's boxed films, tune on dev, measure.

    python benchmarks/nih_mini.py --data DIR            (make nih-mini DATA=DIR)

Shares its work directory with ``ablation.py``, whose last row of mining it is. An interrupted run goes on.
"""

from nih_films import NihFilms
from trainer import note, ship

from harvest.tuning import learn_places

NOTES = """Films and labels: a part of ChestX-ray14 (Wang, Peng, Lu, Lu, Bagheri, Summers: ChestX-ray8, CVPR 2017, pp.
3462-3471); the NIH Clinical Center is the data provider (https://nihcc.app.box.com/v/ChestXray-NIHCC). Initial
weights: EfficientNet-Lite0 trained on ImageNet (Apache-2.0).

Known biases. Labels were mined from reports: of 286 films labeled pneumonia that radiologists read again, 57 are
normal. The films without finding are a biased pick, which the size of their files alone tells from the others, so no
figure of normal against abnormal is given. Boxed films are all diseased. Two groups of radiologists agree on the place
of pneumonia and infiltration with a mean IoU of .4 only. The films are of one hospital; burnt-in letters (portable, AP)
go along with some findings.
"""


def main() -> None:
    """Train, tune, measure, put into the package."""
    films = NihFilms.from_command_line(__doc__)
    films.trainer.bundle("base", attention_mining={"epochs": 0})
    mined = films.trainer.bundle("nih-mini", "base", notes=NOTES)
    placed = films.directory / "bundles" / "nih-mini-placed"
    note("learning where findings lie")
    learn_places(str(mined), films.request("score"), placed)
    where = "the boxed films of split train, whose labels were trained on and whose boxes were never seen"
    ship(placed, "nih-mini", films.request("tune"), films.request("score"), where)


if __name__ == "__main__":
    main()
