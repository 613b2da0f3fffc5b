"""Random changes of training films, the same for the same seed whatever else runs."""

import torch
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode, v2

from models.training_spec import AugmentationSpec


class Augmentation:
    """Random affine map, contrast and brightness, and mirror of one film.

    Args:
        spec: strengths; what is 0 is left out.
    """

    def __init__(self, spec: AugmentationSpec) -> None:
        changes: list[nn.Module] = []
        if spec.degrees or spec.translate or spec.scale or spec.shear:
            changes.append(
                v2.RandomAffine(
                    spec.degrees,
                    translate=(spec.translate, spec.translate),
                    scale=(1 - spec.scale, 1 + spec.scale),
                    shear=spec.shear or None,
                    interpolation=InterpolationMode.BILINEAR,
                )
            )
        if spec.brightness or spec.contrast:
            changes.append(v2.ColorJitter(brightness=spec.brightness, contrast=spec.contrast))
        if spec.horizontal_flip:
            changes.append(v2.RandomHorizontalFlip(spec.horizontal_flip))
        self._changes = changes

    def __call__(self, film: Tensor, seed: int) -> Tensor:
        """Return a changed copy of a film, uint8 (H, W); the global random state is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            changed = film[None]
            for change in self._changes:
                changed = change(changed)
        return changed[0]
