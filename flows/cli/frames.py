"""The frame in which a box table's coordinates live, as it is written on the command line."""

from harvest.errors import SettingsError
from harvest.evaluation.lake_films import BoxFrame


def parse_frame(text: str) -> BoxFrame:
    """Return (width, height) of ``WIDTHxHEIGHT``, None for ``image``.

    Raises:
        SettingsError: it is neither.
    """
    if text == "image":
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise SettingsError(f"--box-frame is WIDTHxHEIGHT (such as 1024x1024) or 'image', not {text!r}.")
    return float(width), float(height)
