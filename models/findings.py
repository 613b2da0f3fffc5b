"""The findings of ChestX-ray14, their order and their other names.

Source: Wang et al., ChestX-ray8, CVPR 2017, and the NIH label table (2017 and 2020 editions).
"""

from collections.abc import Iterable

from models.errors import UnknownFindingError

NO_FINDING = "No Finding"
"""The label table's word for a film on which no finding is asserted; not a finding itself."""

BOXED_FINDINGS: tuple[str, ...] = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
)
"""The eight findings for which radiologists drew boxes (984 in all)."""

FINDINGS: tuple[str, ...] = (
    *BOXED_FINDINGS,
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""The fourteen findings in the order in which every logit, probability and map of this project stands."""

OPACITIES = frozenset(
    {
        "Atelectasis",
        "Effusion",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pneumonia",
        "Consolidation",
        "Edema",
        "Fibrosis",
        "Pleural_Thickening",
    }
)
"""Findings that brighten the film (Hansell et al., Fleischner Society glossary, Radiology 2008)."""

LUCENCIES = frozenset({"Pneumothorax", "Emphysema"})
"""Findings that darken it."""

_ALIASES = {
    "infiltrate": "Infiltration",  # the box table's spelling
    "pleural effusion": "Effusion",
    "pleural thickening": "Pleural_Thickening",
    "pt": "Pleural_Thickening",  # seen in copies of the 2017 table
    "hiatal hernia": "Hernia",
}
_CANONICAL = {name.lower().replace("_", " "): name for name in FINDINGS} | _ALIASES


def canonical_finding(name: str) -> str:
    """Return the project's spelling of a finding.

    Args:
        name: any known spelling, case and underscores ignored (``"Infiltrate"``, ``"pleural thickening"``).

    Raises:
        UnknownFindingError: the name is none of the fourteen, nor an alias.
    """
    try:
        return _CANONICAL[name.strip().lower().replace("_", " ")]
    except KeyError:
        raise UnknownFindingError(name, FINDINGS) from None


def parse_labels(text: str, separator: str = "|") -> tuple[str, ...]:
    """Split the label table's ``Finding Labels`` cell into canonical findings, in project order.

    ``"No Finding"`` and the empty cell give an empty tuple.

    Raises:
        UnknownFindingError: a part is neither a finding nor ``"No Finding"``.
    """
    names = (part.strip() for part in text.split(separator))
    return in_order(canonical_finding(name) for name in names if name and name.lower() != NO_FINDING.lower())


def in_order(findings: Iterable[str]) -> tuple[str, ...]:
    """Return canonical findings without repeats, in project order."""
    present = set(findings)
    return tuple(name for name in FINDINGS if name in present)
