"""Which processor and precision a run uses, decided without starting torch.

A nightly run over an unchanged archive must not pay for loading torch; yet the engine is part of the configuration
fingerprint, since rows are equal exactly only within one kind of processor and precision.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harvest.config import EngineConfig
from harvest.errors import SettingsError

BATCH_SIZES = {"cpu": 4, "cuda": 64}
"""Of each kind of processor: on a CPU, what a core's caches take to best; measured in docs/performance.md."""
NATIVE_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True, slots=True)
class Engine:
    """Resolved device and precision.

    Attributes:
        device: torch device string.
        precision: of the convolutions; maps, masks and merge are fp32 always.
        batch_size: films per forward pass.
    """

    device: str
    precision: Literal["fp32", "bf16"]
    batch_size: int

    @property
    def name(self) -> str:
        """Kind of processor, precision and films per pass, ``cpu-bf16-4``; part of the fingerprint."""
        return f"{self.device.partition(':')[0]}-{self.precision}-{self.batch_size}"


def resolve_engine(config: EngineConfig) -> Engine:
    """Decide device, precision and batch size.

    Raises:
        SettingsError: a CUDA device is asked for where there is none, or the device name is unknown.
    """
    device = config.device
    if device == "auto":
        device = "cuda" if cuda_device_count() else "cpu"
    kind, _, number = device.partition(":")
    if kind not in {"cpu", "cuda"} or (number and not number.isdigit()):
        raise SettingsError(f"Unknown device {config.device!r}; use auto, cpu, cuda or cuda:N.")
    if kind == "cuda" and int(number or 0) >= cuda_device_count():
        raise SettingsError(f"Device {device} was asked for, but no such CUDA device is visible; use --device cpu.")
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if kind == "cuda" or cpu_multiplies_bf16() else "fp32"
    return Engine(device, precision, config.batch_size or BATCH_SIZES[kind])


def cuda_device_count() -> int:
    """Return the number of CUDA devices that the driver shows; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def cpu_multiplies_bf16() -> bool:
    """Tell whether the processor has bf16 dot products (AVX512-BF16 or AMX); False where that cannot be read."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return any(flag in flags for flag in NATIVE_BF16_FLAGS)
