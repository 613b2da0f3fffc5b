"""Is it a frontal chest film? The pixels' answer, to set beside the header's.

A thumbnail is described by its coordinates along the principal components of chest films, by what these leave of it,
and by how far out it lies; a network of one hidden layer judges that. It looks at four turns and both polarities, since
a film that is turned or inverted is still a chest film. Trained and measured by ``benchmarks/pixel_gate.py``; the
threshold is set so that no chest film known there is turned away, so some other pictures pass.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from harvest.decode.thumbnail import Thumbnail

CHEST, TURNED, OTHER = "chest", "turned", "other"
WEIGHTS = "pixel_gate.safetensors"
LEAST_SPREAD = 1.0
"""Levels; a flatter thumbnail shows nothing and is not stretched."""

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class PixelVerdict:
    """What the pixels say.

    Attributes:
        verdict: ``chest``; ``turned``, a chest film that does not stand upright; ``other``.
        probability: of a frontal chest film in the likeliest of all turns, in [0, 1].
    """

    verdict: str
    probability: float


@dataclass(frozen=True, slots=True)
class PixelGate:
    """The classifier.

    Attributes:
        weights: mean (1024), components (1024, k), spread (k), hidden (k + 2, n), hidden_bias (n), out (n), out_bias.
        threshold: probability below which a film shows no chest.
        turned_margin: logit by which another turn must be likelier than the upright one to say so.
    """

    weights: dict[str, Array]
    threshold: float
    turned_margin: float

    def logits_by_turn(self, thumbnail: Thumbnail) -> Array:
        """Return (4,) logits of a thumbnail turned by 0 to 3 quarters, each the larger of both polarities."""
        turns = np.stack([np.rot90(thumbnail, turn) for turn in range(4)])
        features = describe(np.concatenate([turns, 255 - turns]), self.weights)
        hidden = np.tanh(features @ self.weights["hidden"] + self.weights["hidden_bias"])
        by_turn: Array = (hidden @ self.weights["out"] + self.weights["out_bias"]).reshape(2, 4).max(axis=0)
        return by_turn

    def judge(self, thumbnail: Thumbnail) -> PixelVerdict:
        """Return what a thumbnail shows."""
        by_turn = self.logits_by_turn(thumbnail)
        best = float(by_turn.max())
        probability = round(float(1 / (1 + np.exp(-best))), 6)
        if probability < self.threshold:
            return PixelVerdict(OTHER, probability)
        turned = best - by_turn[0] > self.turned_margin
        return PixelVerdict(TURNED if turned else CHEST, probability)


def standardise(thumbnails: Array) -> Array:
    """Return (N, 1024) values of mean 0 and spread 1 of thumbnails (N, 32, 32)."""
    spread = np.maximum(thumbnails.std(axis=(1, 2), keepdims=True), LEAST_SPREAD)
    values: Array = ((thumbnails - thumbnails.mean(axis=(1, 2), keepdims=True)) / spread).reshape(len(thumbnails), -1)
    return values


def describe(thumbnails: Array, weights: dict[str, Array]) -> Array:
    """Return (N, k + 2) features of thumbnails (N, 32, 32).

    Coordinates along k principal components in units of their spread, the logarithm of what these leave of the
    thumbnail (mean square), and the logarithm of the mean squared coordinate.
    """
    off = standardise(thumbnails) - weights["mean"]
    along = off @ weights["components"]
    coordinates = along / weights["spread"]
    left = np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 1e-3) / off.shape[1]
    out = (coordinates**2).mean(axis=1) + 1e-3
    features: Array = np.concatenate([coordinates, np.log(left)[:, None], np.log(out)[:, None]], axis=1)
    return features


@cache
def shipped_gate() -> PixelGate:
    """Return the classifier that comes with the package."""
    with as_file(files("models") / WEIGHTS) as path, safe_open(path, framework="numpy") as file:
        said = file.metadata()
        weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118  # not a dict
    return PixelGate(weights, float(said["threshold"]), float(said["turned_margin"]))
