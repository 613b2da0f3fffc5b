"""What a machine needs before it can harvest, looked at one by one."""

import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from flows.check import Check
from flows.prefect_server import server_problem
from harvest.config import EngineConfig
from harvest.engine import cuda_device_count, resolve_engine

DISTRIBUTION = "iam-harvest"
OUR_PACKAGES = ("flows", "harvest", "models", "sql")
NEEDED_GIB = 1.0
NATIVE_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
COMPRESSED_SYNTAXES = (
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
)
"""Those of DICOM PS3.5 that radiographs are stored in: JPEG, JPEG-LS, JPEG 2000, RLE."""
REASONS = {
    "fastapi": "0.151 and newer break the import of Prefect 3.8.8",
    "sqlalchemy": "with 2.1 Prefect's scheduler silently creates no runs",
    "prefect": "3.6.24 and older have security advisories",
}
"""Why a version outside of the bounds is known to fail."""


def examine(lake: Path) -> list[Check]:
    """Return all checks in the order in which they are shown; ``lake`` is where one would be written."""
    return [
        *check_versions(),
        *check_packages(),
        *check_decoders(),
        check_device(),
        *check_place(lake),
        *check_prefect(),
    ]


def check_versions() -> Iterator[Check]:
    """Compare Python and each requirement of this distribution with what is installed."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("version", "python", sys.version_info >= (3, 11), python)
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("version", DISTRIBUTION, False, "not installed; run `make venv` or `pip install -e .`")
        return
    yield Check("version", DISTRIBUTION, True, importlib.metadata.version(DISTRIBUTION))
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _check_requirement(requirement)


def _check_requirement(requirement: Requirement) -> Check:
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check("version", requirement.name, False, f"missing; needs {requirement.specifier}")
    if requirement.specifier.contains(found, prereleases=True):
        return Check("version", requirement.name, True, found)
    why = REASONS.get(requirement.name, "this version was never run")
    return Check("version", requirement.name, False, f"{found}, needs {requirement.specifier}: {why}")


def check_packages() -> Iterator[Check]:
    """See whether another package of the same name hides one of ours (their names are generic)."""
    home = Path(__file__).resolve().parents[1]
    for name in OUR_PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
        ours = found == home
        yield Check("package", name, ours, "ours" if ours else f"shadowed by {found}; start from another folder")


def check_decoders() -> Iterator[Check]:
    """See whether each transfer syntax of radiographs can be decoded."""
    yield Check("decoder", "native and deflated", True, f"{len(NATIVE_SYNTAXES)} transfer syntaxes")
    for syntax in map(UID, COMPRESSED_SYNTAXES):
        decoder = get_decoder(syntax)
        detail = ", ".join(decoder.available_plugins) or "; ".join(decoder.missing_dependencies)
        yield Check("decoder", syntax.name.replace(" Image Compression", ""), decoder.is_available, detail)


def check_device() -> Check:
    """Name the processor and precision that a run would use."""
    engine = resolve_engine(EngineConfig())
    return Check("device", engine.name, True, f"{cuda_device_count()} CUDA devices, {os.cpu_count()} processor cores")


def check_place(lake: Path) -> Iterator[Check]:
    """See whether a lake could be written at a place that need not exist yet."""
    parent = next(path for path in (lake.absolute(), *lake.absolute().parents) if path.exists())
    writable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    yield Check("place", "writable", writable, str(parent))
    free = shutil.disk_usage(parent).free / 2**30
    yield Check("place", "free space", free >= NEEDED_GIB, f"{free:.1f} GiB (needs {NEEDED_GIB:g})")


def check_prefect() -> Iterator[Check]:
    """Import Prefect, which fails with some versions of what it needs, and ask the chosen server how it is."""
    try:
        importlib.import_module("prefect.flows")
    except Exception as error:  # whatever a broken dependency raises is the finding
        yield Check("prefect", "import", False, f"{type(error).__name__}: {error}")
    else:
        yield Check("prefect", "import", True, importlib.metadata.version("prefect"))
    yield check_server(os.environ.get("PREFECT_API_URL"))


def check_server(url: str | None) -> Check:
    """See whether the server at the URL of its API answers."""
    if not url:
        return Check("prefect", "server", True, "none chosen: runs are in process; --prefect starts a temporary one")
    problem = server_problem(url)
    return Check("prefect", "server", problem is None, f"{problem}; start it, or unset it" if problem else url)
