"""The made-up patient's measures: drawn once per patient, breathing and posture once per film. All lengths in mm."""

from dataclasses import dataclass, replace

import numpy as np

from harvest.phantom.patients import Visit

SIDES = (-1, 1)
"""Patient's right (left in the image) and left."""


@dataclass(frozen=True)
class Body:
    """Measures of a chest as a film shows it.

    Attributes:
        half_width: inside of the chest wall at its widest.
        apex, base: v of the lungs' tops and of the costophrenic angles.
        domes: v of the diaphragm's domes, right and left.
        wall: thickness of the soft tissue outside of the ribs.
        fat: density that soft tissue adds over everything.
        heart_width: of the silhouette.
        heart_lift: how far the heart lies higher than usual (shallow breath).
        rib_pitch: distance of ribs.
        rib_phase: v of the first posterior rib at the spine.
        rib_slope: how steeply ribs fall sideways (1 is usual).
        bone: density of bone (1 is usual; lower with age).
        vessels: strength of the lung markings (1 is usual).
        breast: size of the breast shadows, 0 for none.
        aorta: prominence of the aortic knob.
        arms_down: whether the arms lie at the sides.
        shoulder: how far the shoulders stand higher than usual.
    """

    half_width: float
    apex: float
    base: float
    domes: tuple[float, float]
    wall: float
    fat: float
    heart_width: float
    heart_lift: float
    rib_pitch: float
    rib_phase: float
    rib_slope: float
    bone: float
    vessels: float
    breast: float
    aorta: float
    arms_down: bool
    shoulder: float

    def dome(self, side: int) -> float:
        """Return v of the diaphragm's dome on one side."""
        return self.domes[0 if side < 0 else 1]


def draw_body(visit: Visit, view: str) -> Body:
    """Return the patient's body as this film meets it."""
    return _breathe(_draw_patient(visit), visit, view)


def _draw_patient(visit: Visit) -> Body:
    rng = visit.patient_rng("body")
    male, stature = visit.sex == "M", float(rng.normal(1.0, 0.045))
    child = float(np.clip(0.62 + 0.38 * (visit.age - 5) / 12, 0.62, 1.0))
    size = stature * child
    half_width = (137 if male else 125) * size * float(rng.normal(1, 0.04))
    dome = (98 if male else 90) * size
    ctr = float(np.clip(rng.normal(0.445, 0.028), 0.38, 0.495))
    return Body(
        half_width=half_width,
        apex=-112 * size * float(rng.normal(1, 0.04)),
        base=dome + float(rng.uniform(26, 40)) * size,
        domes=(dome, dome + float(rng.normal(11, 5))),
        wall=float(rng.uniform(16, 42)),
        fat=float(np.clip(rng.normal(0, 0.05), -0.08, 0.14)),
        heart_width=2 * half_width * ctr,
        heart_lift=0.0,
        rib_pitch=float(rng.uniform(20.5, 24.5)) * size,
        rib_phase=float(rng.uniform(0, 20)),
        rib_slope=float(rng.uniform(0.75, 1.3)),
        bone=float(rng.uniform(0.75, 1.2)) * (1 - 0.003 * max(visit.age - 50, 0)),
        vessels=float(rng.uniform(0.75, 1.25)),
        breast=0.0 if male or visit.age < 14 else float(rng.uniform(0.3, 1.0)),
        aorta=float(np.clip(0.6 + visit.age / 120 + rng.normal(0, 0.15), 0.5, 1.5)),
        arms_down=False,
        shoulder=float(rng.normal(0, 5)),
    )


def _breathe(body: Body, visit: Visit, view: str) -> Body:
    """Depth of breath and view: lying patients breathe less and their hearts are magnified."""
    rng = visit.film_rng("breath")
    lying = view == "AP"
    shallow = float(np.clip(rng.normal(14 if lying else 2, 8), -10, 34))
    rise = [shallow + float(rng.normal(0, 3)) for _ in SIDES]
    return replace(
        body,
        base=body.base - shallow,
        domes=(body.domes[0] - rise[0], body.domes[1] - rise[1]),
        heart_width=body.heart_width * (1.07 if lying else 1.0) * (1 + shallow / 500),
        heart_lift=shallow * 0.6,
        arms_down=lying or bool(rng.random() < 0.15),
        shoulder=body.shoulder + (12 if lying else 0) + float(rng.normal(0, 4)),
    )
