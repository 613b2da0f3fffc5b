"""What a receiver is told: by the options of ``iam-harvest receive``, or as ``[receiver]`` of a service."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from models.spec import Frozen

_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")
"""An AE title: 1 to 16 printable characters without a backslash (PS3.5 6.2), no blank at either end."""


class ReceiverSpec(Frozen):
    """Where films are received (DICOM C-STORE), and from whom."""

    inbox: Path
    """Directory in which films land: the archive of a harvest."""
    port: int = Field(default=11112, ge=1, le=65535)
    """Port to listen on."""
    ae_title: str = "IAMHARVEST"
    """The receiver's own AE title, which senders must call."""
    bind: str = "127.0.0.1"
    """Address to listen on. One that others can reach needs ``allow``."""
    allow: tuple[str, ...] = ()
    """AE titles that may send; empty: any."""
    max_mib: int = Field(default=512, ge=1)
    """Largest object taken, MiB; each sender's may be in memory, two or three times."""
    associations: int = Field(default=10, ge=1, le=100)
    """Most senders at a time."""

    @field_validator("ae_title", "allow")
    @classmethod
    def _are_titles(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for title in (given,) if isinstance(given, str) else given:
            if not _TITLE.fullmatch(title):
                raise ValueError(f"{title!r} is no AE title; give 1 to 16 printable ASCII characters, no backslash")
        return given

    @model_validator(mode="after")
    def _strangers_are_kept_out(self) -> Self:
        if not self.allow and not _is_loopback(self.bind):
            raise ValueError(
                f"others can reach {self.bind}: name the AE titles that may send (--allow), or listen on 127.0.0.1"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
