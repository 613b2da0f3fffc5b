"""A phantom as a DICOM file, in the variety that archives hold.

Modality CR or DX, MONOCHROME1 or 2, 8 to 16 bits stored, native or compressed (PS3.3 A.2, A.26; PS3.5 A.4). The grey
that the file's window gives is the film's, within rounding; values outside of the window are used too, so a reader that
ignores it sees another picture.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from harvest.phantom.films import PhantomFilm
from harvest.phantom.patients import Rng, random_stream

MANUFACTURERS = (("Borealis Imaging", "Aurora 3"), ("Medlight", "ML-70 Portable"), ("Kontrast Werke", "Klarbild DX"))
"""Made up, with a model each."""
SYNTAXES = {
    uid.ExplicitVRLittleEndian: 0.36,
    uid.ImplicitVRLittleEndian: 0.12,
    uid.RLELossless: 0.14,
    uid.JPEGLSLossless: 0.19,
    uid.JPEG2000Lossless: 0.19,
}
"""Transfer syntaxes and how often each is met."""
BITS = (8, 10, 12, 14, 16)
_FAMILY_NAMES = ("Moth", "Heron", "Finch", "Wren", "Sable", "Pike", "Lark", "Vole")
_GIVEN_NAMES = ("Ada", "Bo", "Cleo", "Dov", "Eli", "Fay", "Gus", "Ida")

Stored = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Recipe:
    """How one film is stored.

    Attributes:
        syntax: transfer syntax.
        bits: stored.
        inverted: MONOCHROME1.
        low, high: stored values that the window maps to black and white (before inversion).
    """

    syntax: uid.UID
    bits: int
    inverted: bool
    low: int
    high: int

    @property
    def top(self) -> int:
        """Largest value that fits."""
        return int(2**self.bits - 1)


def write_dicom(path: Path, film: PhantomFilm, seed: int) -> None:
    """Write a film as DICOM; everything that is drawn by lot follows from the seed and the film's name."""
    rng = random_stream(seed, "dicom", film.name)
    recipe = draw_recipe(film, rng)
    dataset = _describe(film, recipe, seed, rng)
    _set_pixels(dataset, to_stored(film.pixels, recipe), recipe)
    dataset.save_as(path, enforce_file_format=True)


def draw_recipe(film: PhantomFilm, rng: Rng) -> Recipe:
    """Choose how a film is stored."""
    syntax = uid.UID(list(SYNTAXES)[int(rng.choice(len(SYNTAXES), p=list(SYNTAXES.values())))])
    bits = int(rng.choice(BITS))
    inverted, top = bool(rng.random() < 0.4), 2**bits - 1
    if bits == 8:
        return Recipe(syntax, bits, inverted, 0, top)
    low, high = round(top * rng.uniform(0.04, 0.2)), round(top * rng.uniform(0.75, 0.96))
    return Recipe(syntax, bits, inverted, low, high)


def to_stored(pixels: npt.NDArray[np.uint8], recipe: Recipe) -> Stored:
    """Return the stored values of a film; its black and white lie outside of the window where there is room."""
    levels = np.rint(np.arange(256) * ((recipe.high - recipe.low) / 255) + recipe.low)
    levels[0], levels[-1] = 0, recipe.top
    if recipe.inverted:
        levels = recipe.top - levels
    table = levels.astype(np.uint8 if recipe.bits == 8 else np.uint16)
    stored: Stored = table[pixels]
    return stored


def _describe(film: PhantomFilm, recipe: Recipe, seed: int, rng: Rng) -> Dataset:
    """Return the header without pixel data."""
    dataset, digital = Dataset(), bool(rng.random() < 0.5)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation if digital else uid.ComputedRadiographyImageStorage
    dataset.Modality = "DX" if digital else "CR"
    dataset.SOPInstanceUID = _uid(seed, "instance", film.name)
    dataset.SeriesInstanceUID = _uid(seed, "series", film.name)
    dataset.StudyInstanceUID = _uid(seed, "study", film.name)
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURERS[int(rng.integers(len(MANUFACTURERS)))]
    dataset.BodyPartExamined, dataset.ViewPosition = "CHEST", film.view_position
    _describe_patient(dataset, film, seed)
    _describe_picture(dataset, film, recipe)
    return dataset


def _describe_patient(dataset: Dataset, film: PhantomFilm, seed: int) -> None:
    rng = random_stream(seed, "header", film.patient_id)
    family, given = (names[int(rng.integers(len(names)))] for names in (_FAMILY_NAMES, _GIVEN_NAMES))
    first_day = np.datetime64("2012-01-01") + int(rng.integers(0, 2500))
    day = str(first_day + film.follow_up * 97).replace("-", "")
    dataset.PatientName = f"{family}^{given}"
    dataset.PatientID = f"PH{film.patient_id:08d}"
    dataset.PatientSex, dataset.PatientAge = film.sex, f"{film.age:03d}Y"
    dataset.PatientBirthDate = ""
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = "", "", ""
    dataset.StudyDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.ContentTime = f"{int(rng.integers(7, 20)):02d}{int(rng.integers(60)):02d}00"


def _describe_picture(dataset: Dataset, film: PhantomFilm, recipe: Recipe) -> None:
    dataset.Rows, dataset.Columns = film.pixels.shape
    dataset.PixelSpacing = dataset.ImagerPixelSpacing = [film.pixel_spacing, film.pixel_spacing]
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated = 8 if recipe.bits == 8 else 16
    dataset.BitsStored, dataset.HighBit = recipe.bits, recipe.bits - 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if recipe.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if recipe.inverted else "IDENTITY"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    low, high = (recipe.top - recipe.high, recipe.top - recipe.low) if recipe.inverted else (recipe.low, recipe.high)
    # PS3.3 C.11.2.1.2.1: the linear window reaches white at center - 0.5 + (width - 1) / 2.
    dataset.WindowCenter, dataset.WindowWidth = (low + high + 1) / 2, high - low + 1


def _set_pixels(dataset: Dataset, stored: Stored, recipe: Recipe) -> None:
    dataset.file_meta = FileMetaDataset()
    value = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = value + b"\0" * (len(value) % 2)
    dataset["PixelData"].VR = "OB" if recipe.bits == 8 else "OW"
    if recipe.syntax.is_compressed:
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.compress(recipe.syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = recipe.syntax


def _uid(seed: int, *keys: str) -> str:
    words = random_stream(seed, "uid", *keys).bytes(16)
    return f"2.25.{int.from_bytes(words, 'big')}"
