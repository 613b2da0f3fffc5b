"""Fixtures of the harvest: an upright grey film and DICOM files of it."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset

MakeDicom = Callable[..., bytes]


def _dataset(stored: npt.NDArray[Any], tags: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = uid.ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "CR", "CHEST", "PA"
    dataset.PatientID, dataset.StudyDate = "P1", "20200131"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    for keyword, value in tags.items():
        if value is None:
            del dataset[keyword]
        elif isinstance(value, DataElement):
            dataset.add(value)
        else:
            setattr(dataset, keyword, value)
    if "HighBit" not in dataset:
        dataset.HighBit = dataset.BitsStored - 1
    return dataset


def _dicom(stored: npt.NDArray[Any], syntax: str = uid.ExplicitVRLittleEndian, **tags: Any) -> bytes:
    """Return a chest film as a DICOM file; keywords set tags (a DataElement as it is), None removes one."""
    syntax = uid.UID(syntax)
    dataset = _dataset(stored, tags)
    order = "<" if syntax.is_little_endian else ">"
    value = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    if stored.dtype.itemsize == 1 and order == ">":
        value = value + b"\0" * (len(value) % 2)
    dataset.PixelData = value + b"\0" * (len(value) % 2)
    dataset["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax.is_compressed else syntax
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def make_dicom() -> MakeDicom:
    """Call with stored values (rows, columns), a transfer syntax and tags; returns the bytes of a DICOM file."""
    return _dicom


@pytest.fixture(scope="session")
def film() -> npt.NDArray[np.uint8]:
    """(90, 70) uint8: dark lungs, bright middle and bottom, a bright spot in one of them; no symmetry; 0 to 255."""
    rows, columns = np.mgrid[:90, :70]
    grey = 80 + 60 * np.cos((columns - 35) / 35 * np.pi) + rows / 3
    grey[25:55, 10:25] -= 60
    grey[20:50, 45:60] -= 50
    grey[35:41, 48:55] += 70
    spread = (grey - grey.min()) / (grey.max() - grey.min())
    return np.rint(spread * 255).astype(np.uint8)
