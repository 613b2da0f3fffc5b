"""The parts of a WADO-RS answer (DICOM PS3.18, 8.6.1; RFC 2046), their bytes as they were sent.

``dicomweb_client`` hands out parsed data sets; a film that is broken must arrive as it is, to be rejected by name.
"""

from collections.abc import Iterable, Iterator
from email.message import Message
from typing import NamedTuple

from harvest.errors import Reason, RejectedError, Stage

LONGEST_WRAPPING = 2**16
"""Bytes that boundaries and headers may take."""
WHOLE = ("application/dicom", "application/octet-stream")
"""Types of a body that is one part."""


class BrokenAnswerError(Exception):
    """An answer is not what its type says, or of no type that was asked for; another try may give a whole one."""


class Part(NamedTuple):
    """One object of an answer: its content type, with parameters, and its bytes."""

    content_type: Message
    data: bytes


def read_parts(content_type: str, chunks: Iterable[bytes], max_bytes: int) -> list[Part]:
    """Return the parts of a multipart body, one at least, or the body where it is not in parts.

    Raises:
        RejectedError: more than ``max_bytes`` came.
        BrokenAnswerError: the body is not what its type says, breaks off, or is of another type, such as a web page.
    """
    header = Message()
    header["Content-Type"] = content_type
    in_parts = header.get_content_maintype() == "multipart"
    if content_type and not in_parts and header.get_content_type() not in WHOLE:
        raise BrokenAnswerError("The server answers with something else than a film, such as a page of its own.")
    body = _read(chunks, max_bytes + LONGEST_WRAPPING)
    if not in_parts:
        return [Part(header, body)]
    boundary = header.get_param("boundary")
    parts = list(_split(body, b"--" + str(boundary).encode())) if boundary else []
    if not parts:
        raise BrokenAnswerError("The server's answer is not a whole multipart message.")
    return parts


def _split(body: bytes, delimiter: bytes) -> Iterator[Part]:
    start = body.find(delimiter)
    while start >= 0 and body[start + len(delimiter) :][:2] != b"--":
        data = body.find(b"\r\n\r\n", start) + 4
        end = body.find(b"\r\n" + delimiter, data)
        if data < 4 or end < 0:
            raise BrokenAnswerError("The server's answer breaks off in the middle.")
        header = Message()
        for line in body[start + len(delimiter) : data].decode("latin-1").splitlines():
            name, colon, value = line.partition(":")
            if colon and name.strip().lower() == "content-type":
                header["Content-Type"] = value.strip()
        yield Part(header, body[data:end])
        start = end + 2


def _read(chunks: Iterable[bytes], most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise RejectedError(Reason.FILE_TOO_LARGE, Stage.READ, "The file is larger than decode.max_bytes.")
    return bytes(body)
