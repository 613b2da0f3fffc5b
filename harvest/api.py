"""One film from Python: the same boxes as a run gives."""

from pathlib import Path

import numpy as np

from harvest.batches import Film, place, read_films
from harvest.config import HarvestConfig
from harvest.errors import ArchiveError
from harvest.localization import FindingResult, Localizer
from harvest.predict import Predictor
from harvest.records import ArchiveObject, DecodedImage, InstanceHeader, UInt8Image
from harvest.sources import open_source
from models.bundle import load_bundle


def localize(
    film: str | Path | UInt8Image,
    model: str | Path = "nih-mini",
    *,
    labels: str | None = None,
    config: HarvestConfig | None = None,
) -> list[FindingResult]:
    """Localize the findings of one film.

    Args:
        film: path of a PNG, JPEG or DICOM file (its first frame), or (rows, columns) uint8 with dense tissue bright.
        model: directory or name of a bundle.
        labels: findings known to be present, joined by ``|``, for ``gate.mode`` ``labels`` and ``both``.
        config: settings; defaults as in a run.

    Returns:
        All findings in the bundle's order; those that are gated carry boxes in pixels of the stored image.

    Raises:
        ArchiveError: the film is rejected; the message names the reason.
        BundleError: the bundle cannot be used.
    """
    config = config or HarvestConfig()
    localizer = Localizer(Predictor(load_bundle(model), config.engine), config)
    prepared = _prepare(film, labels, localizer.predictor.spec.network.input_hw, config)
    if prepared.rejection is not None:
        raise ArchiveError(f"The film is rejected: {prepared.rejection.reason}. {prepared.rejection.message}")
    results = localizer.localize([prepared])[0]
    if results is None:
        raise ArchiveError("The film is rejected: network_failed. The network's output is not finite.")
    return results


def _prepare(
    film: str | Path | UInt8Image, labels: str | None, input_hw: tuple[int, int], config: HarvestConfig
) -> Film:
    if isinstance(film, np.ndarray):
        if film.ndim != 2 or film.dtype != np.uint8:
            raise ArchiveError("An array must have two dimensions (rows, columns) and type uint8.")
        placement = place(DecodedImage(film), input_hw)
        source = ArchiveObject("array", film.nbytes, 0, labels)
        return Film(source, 1, InstanceHeader(), placement.to_input(film), placement)
    archive = open_source(str(film))
    listed = next(archive.iter_objects())
    one = ArchiveObject(listed.path, listed.size, listed.mtime_ns, labels)
    return read_films(archive, one, config.decode, input_hw)[0]
