"""Who is on a film, and what is found: an endless list of made-up patients in which every film can be looked up alone.

Films come in blocks: ``PATIENTS_PER_BLOCK`` patients share ``FILMS_PER_BLOCK`` films, so the patient of film n needs no
earlier film. How many findings a film has, and which go together, follows the label table of ChestX-ray14 (Wang et al.,
CVPR 2017); rare findings are raised so that some thousand films teach all of them.
"""

from dataclasses import dataclass

import numpy as np

from models.findings import in_order

FILMS_PER_BLOCK = 10
PATIENTS_PER_BLOCK = 4
SPLITS = ("train", "train", "val", "train", "test", "train", "train", "train", "test", "train")
"""Split of a patient, by ID modulo the length."""
NO_FINDING_SHARE = 1 / 3
COUNT_SHARES = (0.60, 0.28, 0.09, 0.03)
"""Of films with 1, 2, 3 and 4 findings among those with any (ChestX-ray14)."""
SAME_FINDINGS = 0.45
"""Share of follow-ups that show what the film before showed."""
FREQUENCIES = {
    "Atelectasis": 0.15,
    "Cardiomegaly": 0.12,
    "Effusion": 0.15,
    "Infiltration": 0.18,
    "Mass": 0.10,
    "Nodule": 0.12,
    "Pneumonia": 0.12,
    "Pneumothorax": 0.12,
}
"""How often a finding is the first of a film."""
AFFINITIES = {
    ("Atelectasis", "Effusion"): 2.4,
    ("Atelectasis", "Infiltration"): 1.6,
    ("Atelectasis", "Pneumothorax"): 1.4,
    ("Cardiomegaly", "Effusion"): 3.2,
    ("Effusion", "Infiltration"): 1.7,
    ("Effusion", "Mass"): 1.8,
    ("Effusion", "Pneumothorax"): 1.6,
    ("Infiltration", "Pneumonia"): 2.4,
    ("Infiltration", "Nodule"): 1.4,
    ("Mass", "Nodule"): 2.8,
}
"""How much more often two findings meet than by chance (ChestX-ray14)."""

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Visit:
    """One film's patient and findings.

    Attributes:
        seed: of the sequence.
        patient_id: from 1.
        follow_up: from 0.
        age: years at this film.
        sex: M or F.
        findings: canonical, in project order.
    """

    seed: int
    patient_id: int
    follow_up: int
    age: int
    sex: str
    findings: tuple[str, ...]

    @property
    def name(self) -> str:
        """NIH style name of the film."""
        return f"{self.patient_id:08d}_{self.follow_up:03d}"

    @property
    def split(self) -> str:
        """Train, val or test; one for all films of a patient."""
        return SPLITS[self.patient_id % len(SPLITS)]

    def patient_rng(self, purpose: str) -> Rng:
        """Return a generator that every film of the patient shares."""
        return random_stream(self.seed, "patient", self.patient_id, purpose)

    def film_rng(self, purpose: str) -> Rng:
        """Return a generator of this film alone."""
        return random_stream(self.seed, "film", self.patient_id, self.follow_up, purpose)


def random_stream(seed: int, *keys: str | int) -> Rng:
    """Return the generator that belongs to a seed and keys; different keys are independent."""
    words = [key if isinstance(key, int) else int.from_bytes(key.encode(), "little") for key in keys]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def find_visit(seed: int, index: int) -> Visit:
    """Return film ``index`` (from 0) of the sequence that belongs to ``seed``."""
    block, place = divmod(index, FILMS_PER_BLOCK)
    rng = random_stream(seed, "block", block)
    cuts = np.sort(rng.choice(np.arange(1, FILMS_PER_BLOCK), PATIENTS_PER_BLOCK - 1, replace=False))
    member = int(np.searchsorted(cuts, place, side="right"))
    follow_up = place - (int(cuts[member - 1]) if member else 0)
    patient_id = block * PATIENTS_PER_BLOCK + member + 1
    person = random_stream(seed, "patient", patient_id, "person")
    age = int(np.clip(person.normal(48, 17), 6, 92)) + follow_up // 3
    sex = "M" if person.random() < 0.56 else "F"
    findings = _follow_findings(seed, patient_id, follow_up)
    return Visit(seed, patient_id, follow_up, age, sex, findings)


def _follow_findings(seed: int, patient_id: int, follow_up: int) -> tuple[str, ...]:
    """Findings persist or are drawn anew, so their rates are the same at every follow-up."""
    findings: tuple[str, ...] = ()
    for number in range(follow_up + 1):
        rng = random_stream(seed, "findings", patient_id, number)
        if number == 0 or rng.random() >= SAME_FINDINGS:
            findings = draw_findings(rng)
    return findings


def draw_findings(rng: Rng) -> tuple[str, ...]:
    """Return the findings of one film, canonical, in project order."""
    if rng.random() < NO_FINDING_SHARE:
        return ()
    count = int(rng.choice(len(COUNT_SHARES), p=COUNT_SHARES)) + 1
    chosen: list[str] = []
    for _ in range(count):
        names = [name for name in FREQUENCIES if name not in chosen]
        weights = np.array([FREQUENCIES[name] * _affinity(name, chosen) for name in names])
        chosen.append(names[int(rng.choice(len(names), p=weights / weights.sum()))])
    return in_order(chosen)


def _affinity(name: str, chosen: list[str]) -> float:
    pairs = (tuple(sorted((name, other))) for other in chosen)
    return float(np.prod([AFFINITIES.get((first, second), 1.0) for first, second in pairs]))
