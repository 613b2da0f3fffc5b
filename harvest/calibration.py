"""A site's own operating points: from the probabilities and labels of a lake, shrunk towards those of the bundle.

Nothing is inferred again. The rule is that of training (:mod:`harvest.gates`); the bundle's gates take the place of the
common one, so that a finding with few films of its own keeps what the bundle says.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harvest.errors import LakeError
from harvest.evaluation.lake_films import read_lake_films, read_probabilities
from harvest.gates import Booleans, Floats, GateChoice, GateSearch, choose_gates, with_gates
from models.bundle import load_bundle, save_bundle
from models.bundle_files import CARD_FILE, find_bundle

_SECTION = "## Calibration"


@dataclass(frozen=True)
class CalibratedGate:
    """One finding: the choice, the bundle's gate before it, and the share of films at or above each."""

    choice: GateChoice
    before: float
    called_before: float
    called: float


@dataclass(frozen=True)
class Calibration:
    """What came of it: films with labels, one entry per finding, digest of the new bundle."""

    films: int
    gates: dict[str, CalibratedGate]
    digest: str


def calibrate(lake: Path, model: str, out: Path, search: GateSearch | None = None) -> Calibration:
    """Write a bundle whose gates suit the films of a lake that was harvested with a label table.

    Args:
        lake: harvested by ``model`` with ``--labels``.
        model: directory or name of the bundle.
        out: directory of the new bundle; weights and box thresholds are those of ``model``.
        search: criterion and weights; the defaults when None.

    Raises:
        LakeError: the lake was harvested by another bundle, or holds no labels.
        BundleError: the bundle cannot be read.
    """
    bundle = load_bundle(model)
    names, search = bundle.spec.network.findings, search or GateSearch()
    probabilities, positive = _read(lake, bundle.digest, names)
    before = {name: bundle.spec.findings[name].gate for name in names}
    choices = choose_gates(names, probabilities, positive, before, search)
    source = (
        f"{search.criterion} optimum on {len(positive):,} labeled films of a site, shrunk towards the gates of "
        f"{bundle.spec.name} {bundle.digest[:12]}; below {search.minimum_positives} films with the finding those"
    )
    gates = {
        name: CalibratedGate(
            choices[name],
            before[name],
            float((probabilities[:, column] >= before[name]).mean()),
            float((probabilities[:, column] >= choices[name].gate).mean()),
        )
        for column, name in enumerate(names)
    }
    card = (find_bundle(model) / CARD_FILE).read_text(encoding="utf-8").partition(_SECTION)[0].rstrip()
    spec = with_gates(bundle.spec, choices, source)
    digest = save_bundle(out, bundle.model, spec, f"{card}\n\n{_SECTION}\n\n{_describe(gates, source)}")
    return Calibration(len(positive), gates, digest)


def _read(lake: Path, digest: str, names: tuple[str, ...]) -> tuple[Floats, Booleans]:
    """Return probabilities and labels, (N, C) each, of the films of a lake that have labels."""
    films = read_lake_films(lake)
    if films.settings[0] != digest:
        raise LakeError(f"{lake} was harvested by another bundle ({films.settings[0][:12]}). Name that one as --model.")
    by_finding = read_probabilities(films, None)
    if set(names) - set(by_finding):
        raise LakeError(f"{lake} holds no labels. Harvest the films with --labels, then calibrate on that lake.")
    columns = [by_finding[name] for name in names]
    return np.stack([one.probability for one in columns], axis=1), np.stack([one.positive for one in columns], axis=1)


def _describe(gates: dict[str, CalibratedGate], source: str) -> str:
    lines = ["| finding | films with it | gate before | gate |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {one.choice.positives} | {one.before:.2f} | {one.choice.gate:.2f} |" for name, one in gates.items()
    ]
    return f"Gates: {source}.\n\n" + "\n".join(lines) + "\n"
