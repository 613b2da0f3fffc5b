"""Operating points: the best one by hand, the fallback for rare findings, and the pull of the prior."""

import numpy as np
import pytest

from harvest.gates import GateSearch, best_gate, choose_gates, with_gates
from models.findings import FINDINGS
from models.spec import BundleSpec, FindingSpec, NetworkSpec


def films(positives: int, negatives: int, high: float = 0.8, low: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    positive = np.r_[np.ones(positives, bool), np.zeros(negatives, bool)]
    return np.where(positive, high, low).astype(float), positive


def test_separable_films_are_separated_midway_on_the_logit_scale() -> None:
    probability, positive = films(5, 5, high=0.9, low=0.1)
    for criterion in ("youden", "f1"):
        assert best_gate(probability, positive, criterion) == pytest.approx(0.5)


def test_youden_by_hand() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    positive = np.array([False, False, True, False, True, True])
    gate = best_gate(probability, positive, "youden")
    # At .3: sensitivity 1, specificity 2/3; at .7: 2/3 and 1. Equal, so the lower gate.
    assert 0.2 < gate < 0.3


def test_too_few_films_take_the_prior_as_it_is() -> None:
    probability, positive = films(9, 40)
    choice = choose_gates(["Mass"], probability[:, None], positive[:, None], prior={"Mass": 0.35})["Mass"]
    assert (choice.gate, choice.positives, choice.own_weight) == (0.35, 9, 0.0)


def test_without_prior_rare_findings_take_the_common_gate() -> None:
    probability, positive = films(20, 20)
    rare = np.zeros_like(positive)
    columns = np.stack([probability, probability], axis=1)
    chosen = choose_gates(["Mass", "Hernia"], columns, np.stack([positive, rare], axis=1))
    assert chosen["Hernia"].gate == pytest.approx(chosen["Mass"].gate) == pytest.approx(best_gate(*films(20, 20), "f1"))


def test_more_films_pull_further_from_the_prior() -> None:
    gates = []
    for positives in (10, 40, 400):
        probability, positive = films(positives, 400, high=0.99, low=0.7)
        chosen = choose_gates(
            ["Mass"], probability[:, None], positive[:, None], prior={"Mass": 0.2}, search=GateSearch()
        )
        gates.append(chosen["Mass"].gate)
    assert 0.2 < gates[0] < gates[1] < gates[2] < 0.99


def test_a_finding_on_every_film_has_no_optimum() -> None:
    probability, positive = films(30, 0)
    assert choose_gates(["Mass"], probability[:, None], positive[:, None], prior={"Mass": 0.4})["Mass"].gate == 0.4


def test_a_bundle_carries_the_gates_and_their_source() -> None:
    spec = BundleSpec(name="x", network=NetworkSpec(), findings={name: FindingSpec() for name in FINDINGS})
    probability, positive = films(30, 30)
    chosen = choose_gates(["Mass"], probability[:, None], positive[:, None])
    tuned = with_gates(spec, chosen, "fold 5 of train")
    assert tuned.findings["Mass"].gate == chosen["Mass"].gate != 0.5
    assert tuned.findings["Nodule"].gate == 0.5 and tuned.gate_source == "fold 5 of train"
