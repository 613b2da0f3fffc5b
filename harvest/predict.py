"""Films through the network: probabilities of all findings, attention of the gated ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit

from harvest.asymmetry import Asymmetry
from harvest.attention import StoredMaps, quantise_maps
from harvest.config import EngineConfig
from harvest.engine import resolve_engine
from harvest.errors import SettingsError
from harvest.memory import keep_freed_memory
from models.bundle import Bundle
from models.fused import fuse
from models.iam import IAMOutput, to_input

BoolArray = npt.NDArray[np.bool_]
Selector = Callable[[npt.NDArray[np.float64]], BoolArray]


@dataclass(frozen=True, slots=True)
class FilmMaps:
    """What the network says of a batch of B films, on the host.

    Attributes:
        probabilities: (B, C) float64, sigmoid of N_1's logits.
        peaks: (T, B, C) float32, largest value of each iteration's map.
        selected: (B, C) bool, which maps were asked for.
        attention: (T, N, h, w) float32, H_1 .. H_T of the N selected maps in row-major order of ``selected``.
        keep: (T, N, h, w) bool, M_0 .. M_{T-1} of the same.
    """

    probabilities: npt.NDArray[np.float64]
    peaks: npt.NDArray[np.float32]
    selected: BoolArray
    attention: npt.NDArray[np.float32]
    keep: BoolArray

    def stored(self, row: int, asymmetry: Asymmetry) -> dict[int, StoredMaps]:
        """Return the selected maps of film ``row`` by column (finding), with its asymmetry, as they are stored."""
        start = int(self.selected[:row].sum())
        return {
            int(column): quantise_maps(self.attention[:, start + offset], self.keep[:, start + offset]).with_asymmetry(
                asymmetry
            )
            for offset, column in enumerate(np.flatnonzero(self.selected[row]))
        }


class Predictor:
    """A bundle on a device.

    Every forward pass has the same batch shape (short batches are padded), so that a film's result does not depend on
    how many others come with it. On a CPU a pass takes one core, and as many passes as there are cores run beside each
    other, in their callers' threads: no core waits for another, and results do not depend on their number. Where the
    accelerator's memory does not hold a batch, passes are halved from then on; a film's result may then differ in its
    last digits.

    Attributes:
        batch_size: films per pass.
        streams: threads in which :meth:`predict` is best called at the same time.
    """

    def __init__(self, bundle: Bundle, config: EngineConfig) -> None:
        """Prepare the model for the device and precision that ``config`` resolves to.

        Raises:
            SettingsError: the device is unknown or absent.
        """
        self.spec = bundle.spec
        self.engine = resolve_engine(config)
        self.batch_size = self.engine.batch_size
        self._at_once = self.batch_size
        self._device = torch.device(self.engine.device)
        self.streams = torch.get_num_threads() if self._device.type == "cpu" else 1
        dtype = torch.bfloat16 if self.engine.precision == "bf16" else torch.float32
        fused = fuse(bundle.model.eval(), dtype).to(self._device)
        self._model, self._input = fused.to(memory_format=torch.channels_last), fused.spec
        if self._device.type == "cpu":
            keep_freed_memory()

    def predict(self, films: npt.NDArray[np.uint8], select: Selector) -> FilmMaps:
        """Run the network on at most ``batch_size`` films.

        Args:
            films: (B, H, W) uint8, the bundle's input size.
            select: from the probabilities (B, C), the (B, C) maps to bring back.

        Raises:
            SettingsError: not even one film fits into the accelerator's memory.
        """
        count = len(films)
        padded = np.zeros((self.batch_size, *films.shape[1:]), dtype=np.uint8)
        padded[:count] = films
        with self.computing():
            return _bring_back(self.forward(torch.from_numpy(padded)), count, select)

    def forward(self, films: torch.Tensor) -> IAMOutput:
        """Run one pass of (``batch_size``, H, W) uint8, or its parts where the memory does not hold it.

        To be called within :meth:`computing`.
        """
        while True:
            try:
                return _join([self._pass(part) for part in films.split(self._at_once)])
            except torch.OutOfMemoryError as error:
                if self._at_once == 1:
                    raise SettingsError(
                        f"Not even one film fits into the memory of {self._device}; end what else uses it, or use "
                        "--device cpu."
                    ) from error
            self._at_once = (self._at_once + 1) // 2
            if self._device.type == "cuda":  # out here the exception, and what it held, is gone
                torch.cuda.empty_cache()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Have the calling thread compute without gradients and, where the device is a CPU, on one core alone."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1 if self._device.type == "cpu" else threads)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(threads)

    def _pass(self, films: torch.Tensor) -> IAMOutput:
        images = to_input(films.to(self._device, non_blocking=True), self._input)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.engine.precision == "bf16"):
            output: IAMOutput = self._model(images)
        return output


def _bring_back(output: IAMOutput, count: int, select: Selector) -> FilmMaps:
    """Return what was asked of the first ``count`` films."""
    # Not torch's sigmoid: its last digit depends on where in the batch a film stands.
    probabilities = expit(output.logits[0, :count].double().cpu().numpy())
    selected = select(probabilities)
    picked = torch.from_numpy(selected).to(output.attention.device)
    return FilmMaps(
        probabilities=probabilities,
        peaks=output.attention[:, :count].amax(dim=(-2, -1)).cpu().numpy(),
        selected=selected,
        attention=output.attention[:, :count][:, picked].cpu().numpy(),
        keep=output.keep[:, :count][:, picked].cpu().numpy(),
    )


def _join(parts: list[IAMOutput]) -> IAMOutput:
    if len(parts) == 1:
        return parts[0]
    logits, attention, keep = (
        torch.cat([getattr(part, name) for part in parts], dim=1) for name in ("logits", "attention", "keep")
    )
    return IAMOutput(logits, attention, keep, parts[0].rule)
