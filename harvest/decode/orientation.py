"""How a stored film must be turned to stand upright with the patient's left on the right (DICOM PS3.3 C.7.6.1.1.1)."""

from harvest.decode.tags import Tags

TURN_OF_DIRECTIONS = {
    ("L", "F"): "identity",
    ("R", "F"): "flip_horizontal",
    ("R", "H"): "rotate_180",
    ("L", "H"): "flip_vertical",
    ("F", "L"): "transpose",
    ("F", "R"): "rotate_90",
    ("H", "R"): "transverse",
    ("H", "L"): "rotate_270",
}
"""By the patient's directions along a row (to the right) and down a column."""


def read_orientation(tags: Tags) -> str:
    """Return one of ``harvest.geometry.ORIENTATIONS``; ``identity`` where the header says nothing usable."""
    directions = tuple(text[:1].upper() for text in tags.texts("PatientOrientation"))
    return TURN_OF_DIRECTIONS.get(directions, "identity") if len(directions) == 2 else "identity"
