"""From the stored maps of a film to merged attention and boxes: a bundle's settings with a run's laid over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harvest.asymmetry import asymmetry_weights
from harvest.attention import StoredMaps, merge_stored
from harvest.boxes import CutBox, Float32Map, cut_boxes
from harvest.errors import SettingsError
from harvest.geometry import Placement
from harvest.places import Grid, weigh
from models.spec import BoxSpec, BundleSpec, FindingSpec, MiningSpec


@dataclass(frozen=True)
class BoxRules:
    """How boxes are cut from stored maps.

    Attributes:
        boxes: merge, weights of places and asymmetry, enlargement, order, number.
        mining: for the normalisation of the merge.
        findings: thresholds and places.
    """

    boxes: BoxSpec
    mining: MiningSpec
    findings: Mapping[str, FindingSpec]

    @classmethod
    def of(cls, spec: BundleSpec) -> "BoxRules":
        """Take what a bundle's settings (with a run's laid over them) say of boxes."""
        return cls(spec.boxes, spec.mining, spec.findings)

    def merge(self, maps: Sequence[tuple[str, StoredMaps]], placement: Placement) -> Sequence[Float32Map]:
        """Return H_f (h, w) of each (finding, stored maps) of one film, weighted by place and asymmetry where asked."""
        if not maps:
            return []
        merged = merge_stored([stored for _, stored in maps], self.boxes.merge, self.mining)
        weights = [self._weights(finding, stored) for finding, stored in maps]
        return [weigh(one, grids, placement) if grids else one for one, grids in zip(merged, weights, strict=True)]

    def _weights(self, finding: str, stored: StoredMaps) -> list[Grid]:
        """Return what the attention to a finding is multiplied by, each over the upright film."""
        grids: list[Grid | None] = []
        place = self.findings[finding].place
        if self.boxes.place_weight and place is not None:
            grids.append(np.array(place) ** self.boxes.place_weight)
        if self.boxes.asymmetry_weight:
            if stored.asymmetry is None:
                raise SettingsError(
                    "The maps were stored without the film's asymmetry, which these settings ask for; harvest again."
                )
            grids.append(asymmetry_weights(stored.asymmetry, finding, self.boxes.asymmetry_weight))
        return [one for one in grids if one is not None]

    def cut(self, maps: Sequence[tuple[str, StoredMaps]], placement: Placement) -> list[tuple[CutBox, ...]]:
        """Cut the boxes of one film from its (finding, stored maps); one tuple per entry, best rank first."""
        return [
            tuple(cut_boxes(one, self.findings[finding].thresholds, self.boxes, placement))
            for one, (finding, _) in zip(self.merge(maps, placement), maps, strict=True)
        ]
