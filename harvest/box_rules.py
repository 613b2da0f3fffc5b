"""From the stored maps of a film to merged attention and boxes: a bundle's settings with a run's laid over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harvest.attention import StoredMaps, merge_stored
from harvest.boxes import CutBox, Float32Map, cut_boxes
from harvest.geometry import Placement
from harvest.places import weigh_by_place
from models.spec import BoxSpec, BundleSpec, FindingSpec, MiningSpec


@dataclass(frozen=True)
class BoxRules:
    """How boxes are cut from stored maps.

    Attributes:
        boxes: merge, weight of places, enlargement, order, number.
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
        """Return H_f (h, w) of each (finding, stored maps) of one film, weighted by the finding's place where asked."""
        if not maps:
            return []
        merged = merge_stored([stored for _, stored in maps], self.boxes.merge, self.mining)
        if not self.boxes.place_weight:
            return list(merged)
        places = [self.findings[finding].place for finding, _ in maps]
        return [
            one if place is None else weigh_by_place(one, np.array(place) ** self.boxes.place_weight, placement)
            for one, place in zip(merged, places, strict=True)
        ]

    def cut(self, maps: Sequence[tuple[str, StoredMaps]], placement: Placement) -> list[tuple[CutBox, ...]]:
        """Cut the boxes of one film from its (finding, stored maps); one tuple per entry, best rank first."""
        return [
            tuple(cut_boxes(one, self.findings[finding].thresholds, self.boxes, placement))
            for one, (finding, _) in zip(self.merge(maps, placement), maps, strict=True)
        ]
