"""Bundles as files: where one is found, what it says, and its digest. Light: torch is not imported.

A bundle is a directory of ``bundle.json``, ``weights.safetensors`` and ``MODEL_CARD.md``. Its digest covers the
content of ``bundle.json``, which names the digest of the weights.
"""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.errors import BundleError, PickleRefusedError
from models.spec import BUNDLE_FORMAT, BundleSpec

SPEC_FILE = "bundle.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "MODEL_CARD.md"

_PICKLE_SUFFIXES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".tar"}
_PICKLE_MAGIC = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""First bytes of torch's zip files and of bare pickles."""


def shipped_bundles() -> tuple[str, ...]:
    """Return the names of the bundles that come with the package, sorted."""
    root = _shipped_root()
    return tuple(sorted(path.name for path in root.iterdir() if (path / SPEC_FILE).is_file())) if root.is_dir() else ()


def find_bundle(name_or_path: str | Path) -> Path:
    """Return the directory of a bundle.

    Args:
        name_or_path: a directory, or the name of a shipped bundle (``"demo"``), which goes before a directory of that
            name: write ``"./demo"`` for the latter.

    Raises:
        PickleRefusedError: it is a pickled weight file.
        BundleError: there is no bundle.
    """
    if str(name_or_path) in shipped_bundles():
        return _shipped_root() / str(name_or_path)
    path = Path(name_or_path)
    if path.is_file():
        refuse_pickle(path)
        raise BundleError(f"{path} is a file; a bundle is a directory. Give the directory that holds {SPEC_FILE}.")
    if not path.is_dir():
        known = ", ".join(shipped_bundles()) or "none"
        raise BundleError(
            f"There is no bundle {str(name_or_path)!r}. Give a bundle's directory or a shipped one ({known})."
        )
    if not (path / SPEC_FILE).is_file():
        raise BundleError(
            f"{path} is not a bundle: it has no {SPEC_FILE}. Give a directory written by `iam-harvest train`."
        )
    return path


def read_bundle_spec(name_or_path: str | Path) -> tuple[BundleSpec, str]:
    """Read what a bundle says of itself; its weights are not looked at.

    Returns:
        The spec, and the bundle's digest (64 hex digits).

    Raises:
        BundleError: missing, unreadable, of a newer format, or not a valid ``bundle.json``.
    """
    path = find_bundle(name_or_path) / SPEC_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"Cannot read {path}: {error}. Fetch or train the bundle again.") from error
    written = content.get("format") if isinstance(content, dict) else None
    if isinstance(written, int) and written > BUNDLE_FORMAT:
        raise BundleError(
            f"{path} has format {written}, this version reads up to {BUNDLE_FORMAT}: upgrade iam-harvest."
        )
    try:
        return BundleSpec.model_validate_json(json.dumps(content)), content_digest(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BundleError(f"{path} is not valid: {where}: {first['msg']}. Fetch or train the bundle again.") from error


def content_digest(content: dict[str, Any]) -> str:
    """Return the SHA-256, in hex, of JSON content, whatever its layout and order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_pickle(path: Path) -> None:
    """Raise PickleRefusedError if a file is, by its name or first bytes, a pickle."""
    with path.open("rb") as file:
        start = file.read(4)
    if path.suffix.lower() in _PICKLE_SUFFIXES or start.startswith(_PICKLE_MAGIC):
        raise PickleRefusedError(
            f"{path} is a pickled weight file, which could run code when loaded. "
            f"Make a bundle of it: iam-harvest convert {path} --out BUNDLE."
        )


def _shipped_root() -> Path:
    return Path(str(files("models"))) / "bundles"
