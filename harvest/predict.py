"""Films through the network: probabilities of all findings, attention of the gated ones."""

from collections.abc import Callable
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
from models.bundle import Bundle
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
    how many others come with it. Where the accelerator's memory does not hold a batch, passes are halved from then on;
    a film's result may then differ in its last digits.
    """

    def __init__(self, bundle: Bundle, config: EngineConfig) -> None:
        """Move the model to the device that ``config`` resolves to.

        Raises:
            SettingsError: the device is unknown or absent.
        """
        self.spec = bundle.spec
        self.engine = resolve_engine(config)
        self.batch_size = config.batch_size
        self._at_once = config.batch_size
        self._device = torch.device(self.engine.device)
        self._model = bundle.model.eval().to(self._device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
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
        output = self._forward(torch.from_numpy(padded))
        # Not torch's sigmoid: its last digit depends on where in the batch a film stands.
        probabilities = expit(output.logits[0, :count].double().cpu().numpy())
        selected = select(probabilities)
        picked = torch.from_numpy(selected).to(self._device)
        return FilmMaps(
            probabilities=probabilities,
            peaks=output.attention[:, :count].amax(dim=(-2, -1)).cpu().numpy(),
            selected=selected,
            attention=output.attention[:, :count][:, picked].cpu().numpy(),
            keep=output.keep[:, :count][:, picked].cpu().numpy(),
        )

    def _forward(self, films: torch.Tensor) -> IAMOutput:
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

    def _pass(self, films: torch.Tensor) -> IAMOutput:
        images = to_input(films.to(self._device, non_blocking=True), self.spec.network)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.engine.precision == "bf16"):
            output: IAMOutput = self._model(images)
        return output


def _join(parts: list[IAMOutput]) -> IAMOutput:
    if len(parts) == 1:
        return parts[0]
    names = ("logits", "attention", "keep")
    joined = {name: torch.cat([getattr(part, name) for part in parts], dim=1) for name in names}
    return IAMOutput(**joined, merged=torch.cat([part.merged for part in parts]))
