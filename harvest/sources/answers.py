"""What a DICOMweb server's answer means: an answer, a refusal, or not now."""

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import requests

from harvest.errors import ArchiveError
from harvest.sources.patience import OutOfReachError

Answer = TypeVar("Answer")
NOT_NOW = {408, 429, 502, 503, 504}
REFUSED = {401, 403, 407}
ABSENT = {404, 410}
UNTRUSTED = (
    "The server's certificate cannot be verified ({why}). If it is signed by the hospital's own authority, save that "
    "authority's certificate as a PEM file and name it: export REQUESTS_CA_BUNDLE=FILE. It must be made out to the "
    "host name of the address."
)
NO_TLS = "The server does not speak TLS at this port; check the port, or give dicomweb+http:// if it has none."


def asked(question: Callable[[], Answer]) -> Answer:
    """Return an answer of the server; what is no answer, or not now, is told apart from a refusal.

    Raises:
        OutOfReachError: no answer, or not now.
        ArchiveError: credentials or certificate do not do.
        requests.HTTPError: another refusal.
    """
    try:
        return question()
    except requests.exceptions.SSLError as error:
        raise _failed_handshake(error) from None
    except requests.HTTPError as error:
        status = error.response.status_code
        if status in REFUSED:
            raise ArchiveError(f"The server refuses the credentials (HTTP status {status}); check them.") from None
        if status in NOT_NOW:
            raise OutOfReachError(f"HTTP status {status}", _wanted_pause(error.response)) from None
        raise
    except requests.exceptions.JSONDecodeError:
        raise
    except requests.RequestException as error:
        raise OutOfReachError(type(error).__name__) from None


def _failed_handshake(error: BaseException) -> Exception:
    """Tell a certificate that will not do from a server without TLS, and both from a connection that was cut."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ArchiveError(UNTRUSTED.format(why=cause.verify_message.rstrip(".")))
    if any(isinstance(one, ssl.SSLError) and one.reason == "WRONG_VERSION_NUMBER" for one in causes):
        return ArchiveError(NO_TLS)
    return OutOfReachError("the encrypted connection was cut")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it wraps, which its libraries keep in different places."""
    while isinstance(error, BaseException):
        yield error
        wrapped = [one for one in (*error.args, getattr(error, "reason", None)) if isinstance(one, BaseException)]
        error = wrapped[0] if wrapped else error.__cause__ or error.__context__


def _wanted_pause(response: requests.Response) -> float:
    """Return the seconds that a server asks to be left alone (Retry-After, RFC 9110 10.2.3); 0: it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
