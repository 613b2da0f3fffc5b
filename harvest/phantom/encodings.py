"""One film in every encoding that can be written here: for measurements and for tests of decoders."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gdcm
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

Stored = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

BY_PYDICOM = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
)
BY_GDCM = {
    uid.JPEGExtended12Bit: gdcm.TransferSyntax.JPEGExtendedProcess2_4,
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}
OPTIONS: dict[uid.UID, dict[str, Any]] = {uid.JPEG2000: {"j2k_cr": [8]}, uid.JPEGLSNearLossless: {"jls_error": 2}}
"""How lossy: compression ratio, largest error of a stored value."""
EIGHT_BITS_ONLY = {"JPEGBaseline8Bit", "JPEG file", "PNG file"}
TWELVE_BITS_ONLY = {"JPEGExtended12Bit", "PNG file of 16 bits"}


def encodings(bits: int) -> dict[str, Callable[[Stored], bytes]]:
    """Return the encodings of films of 8 or 12 stored bits, by the keyword of their transfer syntax or a name."""
    known: dict[str, Callable[[Stored], bytes]] = {syntax.keyword: _by_pydicom(syntax) for syntax in BY_PYDICOM}
    known |= {syntax.keyword: _by_gdcm(code) for syntax, code in BY_GDCM.items()}
    known |= {"JPEGBaseline8Bit": _as_baseline, "JPEG file": _as_jpeg, "PNG file": _as_png}
    known["PNG file of 16 bits"] = _as_png
    other = TWELVE_BITS_ONLY if bits == 8 else EIGHT_BITS_ONLY
    return {name: encode for name, encode in known.items() if name not in other}


def as_dataset(stored: Stored) -> Dataset:
    """Return a chest film without transfer syntax; 16-bit arrays hold 12 stored bits."""
    dataset = Dataset()
    dataset.SOPClassUID = uid.ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = uid.generate_uid(entropy_srcs=["film"])
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "CR", "CHEST", "PA"
    dataset.PatientOrientation, dataset.PixelSpacing = ["L", "F"], [0.2, 0.2]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    bits = 8 if stored.dtype == np.uint8 else 12
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * stored.dtype.itemsize, bits, bits - 1
    dataset.WindowCenter, dataset.WindowWidth = 2 ** (bits - 1), 2**bits
    return dataset


def _by_pydicom(syntax: uid.UID) -> Callable[[Stored], bytes]:
    return lambda stored: _write(stored, syntax)


def _write(stored: Stored, syntax: uid.UID) -> bytes:
    dataset = as_dataset(stored)
    value = stored.astype(stored.dtype.newbyteorder("<" if syntax.is_little_endian else ">")).tobytes()
    dataset.PixelData = value + b"\0" * (len(value) % 2)
    dataset["PixelData"].VR = "OB" if stored.dtype == np.uint8 else "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax.is_encapsulated else syntax
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False, **OPTIONS.get(syntax, {}))
    return _saved(dataset)


def _by_gdcm(code: int) -> Callable[[Stored], bytes]:
    def encode(stored: Stored) -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "film.dcm"
            path.write_bytes(_write(stored, uid.ExplicitVRLittleEndian))
            reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
            reader.SetFileName(str(path))
            reader.Read()
            change.SetTransferSyntax(gdcm.TransferSyntax(code))
            change.SetInput(reader.GetImage())
            if not change.Change():
                raise ValueError("GDCM cannot write this film in this transfer syntax")
            writer.SetFileName(str(path))
            writer.SetFile(reader.GetFile())
            writer.SetImage(change.GetOutput())
            writer.Write()
            return path.read_bytes()

    return encode


def _as_baseline(stored: Stored) -> bytes:
    dataset = as_dataset(stored)
    dataset.PixelData = encapsulate([_as_jpeg(stored)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    return _saved(dataset)


def _as_jpeg(stored: Stored) -> bytes:
    return _saved_raster(stored, "JPEG", quality=92)


def _as_png(stored: Stored) -> bytes:
    return _saved_raster(stored, "PNG")


def _saved_raster(stored: Stored, file_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(stored).save(buffer, file_format, **options)
    return buffer.getvalue()


def _saved(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
