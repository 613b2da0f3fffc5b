"""What the pixels say of a film: chest, turned chest or something else; stored beside the header's verdict."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.errors import Reason, Stage
from harvest.phantom.render import render_film
from harvest.phantom.sketch import sketch_chest
from harvest.records import DecodeOutcome

Film = npt.NDArray[np.uint8]
ANYTHING = DecodeConfig(include=("not_chest_by_pixels",))


def png(pixels: Film) -> bytes:
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def decode(pixels: Film, config: DecodeConfig | None = None) -> DecodeOutcome:
    (outcome,) = iter_decode(png(pixels), config or DecodeConfig())
    return outcome


def page() -> Film:
    """Lines of print."""
    sheet = np.full((300, 220), 240, np.uint8)
    for row in range(20, 280, 12):
        for column in range(15, 190, 24):
            sheet[row : row + 5, column : column + 17] = 30
    return sheet


OTHERS: dict[str, Callable[[], Film]] = {
    "photograph": lambda: data.camera().astype(np.uint8),
    "coins": lambda: data.coins().astype(np.uint8),
    "page": page,
    "white noise": lambda: np.random.default_rng(4).integers(0, 256, (200, 160), dtype=np.uint8),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_pictures_are_rejected_by_name_and_let_in_on_demand(name: str) -> None:
    outcome = decode(OTHERS[name]())
    assert outcome.rejection is not None and outcome.verdicts.pixels == "other"
    assert (outcome.rejection.reason, outcome.rejection.stage) == (Reason.NOT_CHEST_BY_PIXELS, Stage.GATE)
    assert "--include not_chest_by_pixels" in outcome.rejection.message
    included = decode(OTHERS[name](), ANYTHING)
    assert included.image is not None and included.verdicts == outcome.verdicts


@pytest.mark.parametrize("index", range(4))
def test_chest_films_pass_in_either_polarity(index: int) -> None:
    for film in (render_film(77, index, 256).pixels, sketch_chest(index, 120, 100)):
        upright, inverted = decode(film), decode(255 - film)
        assert upright.image is not None and upright.verdicts.pixels == "chest"
        assert upright.verdicts.header is None, "a PNG file has no header to ask"
        assert upright.image.recipe["flags"] == []
        assert inverted.image is not None and "polarity_suspect" in inverted.image.recipe["flags"]


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_turned_chest_is_kept_and_flagged(turn: int) -> None:
    outcome = decode(np.rot90(render_film(77, 0, 256).pixels, turn))
    assert outcome.image is not None and outcome.verdicts.pixels == "turned"
    assert "orientation_suspect" in outcome.image.recipe["flags"]


def test_a_film_that_the_header_turns_is_looked_at_upright(make_dicom: Callable[..., bytes]) -> None:
    film = render_film(77, 0, 256).pixels[::-1, ::-1]
    (outcome,) = iter_decode(make_dicom(film, PatientOrientation=["R", "H"]), DecodeConfig())
    assert (outcome.verdicts.header, outcome.verdicts.pixels) == ("chest", "chest")


def test_both_verdicts_stand_where_one_is_overruled(make_dicom: Callable[..., bytes]) -> None:
    hand = make_dicom(OTHERS["coins"](), BodyPartExamined="HAND")
    (by_header,) = iter_decode(hand, DecodeConfig())
    assert (by_header.verdicts.header, by_header.verdicts.pixels) == ("wrong_body_part", None)
    (by_pixels,) = iter_decode(hand, DecodeConfig(include=("wrong_body_part",)))
    assert (by_pixels.verdicts.header, by_pixels.verdicts.pixels) == ("wrong_body_part", "other")
    assert by_pixels.rejection is not None and by_pixels.rejection.reason is Reason.NOT_CHEST_BY_PIXELS


def test_a_frame_without_a_chest_does_not_end_the_others(make_dicom: Callable[..., bytes]) -> None:
    frames = [sketch_chest(1, 96, 80), np.random.default_rng(1).integers(0, 256, (96, 80)), sketch_chest(2, 96, 80)]
    outcomes = list(iter_decode(make_dicom(np.stack(frames).astype(np.uint8), NumberOfFrames=3), DecodeConfig()))
    assert [outcome.frame for outcome in outcomes] == [1, 2, 3]
    assert [outcome.verdicts.pixels for outcome in outcomes] == ["chest", "other", "chest"]
    assert [outcome.image is None for outcome in outcomes] == [False, True, False]
