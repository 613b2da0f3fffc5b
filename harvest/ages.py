"""Ages as headers and label tables write them."""

import re

OLDEST = 120
"""Years; the 2017 label table holds ages up to 414, which are read as unknown."""
_AGE = re.compile(r"(\d{1,3})\s*([YMWD]?)", re.ASCII | re.IGNORECASE)
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def parse_age(text: str) -> float | None:
    """Return years of ``058Y``, ``58``, ``006M``, ``012W`` or ``010D`` (DICOM PS3.5, VR AS); None if it is no age."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return None
    years = int(match[1]) * _YEARS[match[2].upper()]
    return years if years <= OLDEST else None
