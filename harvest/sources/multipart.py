"""The one object of a WADO-RS answer (DICOM PS3.18, 8.6.1; RFC 2046), its bytes as they were stored.

``dicomweb_client`` hands out parsed data sets; a film that is broken must arrive as it is, to be rejected by name.
"""

from collections.abc import Iterable
from email.message import Message

from harvest.errors import Reason, RejectedError, Stage
from harvest.sources.source import unreadable

LONGEST_WRAPPING = 2**16
"""Bytes that boundaries and headers may take."""


def read_part(content_type: str, chunks: Iterable[bytes], max_bytes: int) -> bytes:
    """Return the first part of a multipart body, or the body where it is not in parts.

    Raises:
        RejectedError: more than ``max_bytes`` came, or the body is not what its type says.
    """
    header = Message()
    header["Content-Type"] = content_type
    body = _read(chunks, max_bytes + LONGEST_WRAPPING)
    if header.get_content_maintype() != "multipart":
        return body
    boundary = b"--" + str(header.get_param("boundary", "")).encode()
    start = body.find(boundary)
    start = body.find(b"\r\n\r\n", start) + 4 if start >= 0 else -1
    end = body.find(b"\r\n" + boundary, start)
    if start < 4 or end < 0:
        raise unreadable("The server's answer is not a whole multipart message.")
    return body[start:end]


def _read(chunks: Iterable[bytes], most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise RejectedError(Reason.FILE_TOO_LARGE, Stage.READ, "The file is larger than decode.max_bytes.")
    return bytes(body)
