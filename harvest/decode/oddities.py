"""What is unusual about a DICOM file and handled all the same, noted to be counted (PS3.10 7, PS3.5 6.1)."""

from collections.abc import Iterable

from pydicom.charset import python_encoding

PLAIN = {"", "ISO_IR 6", "ISO 2022 IR 6"}


def find_oddities(*, preamble: bool, meta: bool, private: bool, character_sets: Iterable[str]) -> tuple[str, ...]:
    """Return the names of what is unusual.

    Args:
        preamble: whether the file begins with preamble and prefix.
        meta: whether it has a meta header.
        private: whether it has private elements; their values are not read.
        character_sets: the defined terms it names.
    """
    named = {one for one in character_sets if one not in PLAIN}
    found = {
        "no_preamble": not preamble,
        "no_meta_header": not meta,
        "private_tags": private,
        "extended_character_set": bool(named),
        "unknown_character_set": not named <= set(python_encoding),
    }
    return tuple(name for name, holds in found.items() if holds)
