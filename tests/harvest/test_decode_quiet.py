"""Decoding says nothing: not by warning, not by log, not on stderr, whatever the file."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import uid

from harvest.config import DecodeConfig
from harvest.decode import iter_decode
from harvest.decode.dataset import read_object
from harvest.decode.quiet import silent_stderr
from harvest.decode.tags import read_instance_header

MakeDicom = Callable[..., bytes]


def noisy_files(film: npt.NDArray[np.uint8], make_dicom: MakeDicom) -> list[bytes]:
    """A codestream deeper than its header says, one cut short, an age and a code that break the rules of their VR."""
    compressed = make_dicom(film.astype(np.uint16) * 16, uid.JPEG2000Lossless)
    misled = compressed.replace(b"\x28\0\x01\x01US\2\0\x10\0", b"\x28\0\x01\x01US\2\0\x0c\0")
    assert misled != compressed
    plain = make_dicom(film, PatientAge="045Y", Manufacturer="ACME", SpecificCharacterSet="ISO_IR 100")
    return [misled, compressed[:-200], plain.replace(b"045Y", b"4*!Y"), plain.replace(b"ISO_IR 100", b"ISO_IR 999")]


def test_the_libraries_would_say_something(film: npt.NDArray[np.uint8], make_dicom: MakeDicom) -> None:
    with pytest.warns(UserWarning):
        for data in noisy_files(film, make_dicom):
            source = read_object(data, len(data))
            read_instance_header(source.tags)


def test_nothing_is_said(
    film: npt.NDArray[np.uint8],
    make_dicom: MakeDicom,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    files = noisy_files(film, make_dicom)
    recwarn.clear()
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda data: list(iter_decode(data, DecodeConfig())), files * 10))
    assert not recwarn.list and not caplog.records
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("pydicom").propagate


def test_stderr_is_silent_inside_only(capfd: pytest.CaptureFixture[str]) -> None:
    with silent_stderr, silent_stderr:
        os.write(2, b"inside")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
