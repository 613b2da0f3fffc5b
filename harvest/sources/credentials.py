"""What to show a DICOMweb server: from the environment, and nowhere else."""

import os
from collections.abc import Callable

import requests


def read_credentials() -> Callable[[requests.PreparedRequest], requests.PreparedRequest] | tuple[str, str] | None:
    """Return what the environment holds; without it, requests looks into the netrc file."""
    if token := os.environ.get("DICOMWEB_TOKEN"):

        def bear(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        return bear
    user = os.environ.get("DICOMWEB_USER")
    return (user, os.environ.get("DICOMWEB_PASSWORD", "")) if user else None
