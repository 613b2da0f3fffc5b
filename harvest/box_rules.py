"""From the stored maps of a film to merged attention and boxes: a bundle's settings with a run's laid over them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harvest.asymmetry import asymmetry_sign, asymmetry_weights
from harvest.attention import StoredMaps, merge_stored, stack_maps
from harvest.boxes import CutBox, Float32Map, MapToCut, Table, as_boxes, cut_each
from harvest.components import IntArray
from harvest.errors import SettingsError
from harvest.geometry import Placement
from harvest.places import Grid, weigh
from models.spec import BoxSpec, BundleSpec, FindingSpec, MiningSpec


@dataclass(frozen=True)
class MapStack:
    """N stored maps.

    Attributes:
        findings: of each.
        stored: with N before the other axes.
        placements: of their films, in the same order.
    """

    findings: Sequence[str]
    stored: StoredMaps
    placements: Sequence[Placement]

    @classmethod
    def of_film(cls, maps: Sequence[tuple[str, StoredMaps]], placement: Placement) -> "MapStack":
        """Stack the (finding, stored maps) of one film, at least one."""
        return cls([name for name, _ in maps], stack_maps([one for _, one in maps]), [placement] * len(maps))


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
        return list(self.merge_stack(MapStack.of_film(maps, placement))) if maps else []

    def merge_stack(self, stack: MapStack) -> Float32Map:
        """Return H_f (N, h, w) of many maps, weighted by place and asymmetry where asked."""
        merged = merge_stored(stack.stored, self.boxes.merge, self.mining)
        return weigh(merged, [*self._places(stack), *self._asymmetry(stack)], stack.placements)

    def _places(self, stack: MapStack) -> Iterator[tuple[IntArray, Grid]]:
        """Yield which maps, and what the attention is multiplied by, for each finding that has a place."""
        for finding in dict.fromkeys(stack.findings) if self.boxes.place_weight else ():
            place = self.findings[finding].place
            if place is not None:
                which = np.flatnonzero([name == finding for name in stack.findings])
                yield which, np.array(place)[None] ** self.boxes.place_weight

    def _asymmetry(self, stack: MapStack) -> Iterator[tuple[IntArray, Grid]]:
        if not self.boxes.asymmetry_weight:
            return
        if stack.stored.asymmetry is None:
            raise SettingsError(
                "The maps were stored without the film's asymmetry, which these settings ask for; harvest again."
            )
        signs = np.array([asymmetry_sign(finding) for finding in stack.findings])
        which = np.flatnonzero(signs)
        if which.size:
            yield which, asymmetry_weights(stack.stored.asymmetry[which], signs[which], self.boxes.asymmetry_weight)

    def cut(self, maps: Sequence[tuple[str, StoredMaps]], placement: Placement) -> list[tuple[CutBox, ...]]:
        """Cut the boxes of one film from its (finding, stored maps); one tuple per entry, best rank first."""
        if not maps:
            return []
        return as_boxes(self.cut_stack(MapStack.of_film(maps, placement)), len(maps))

    def cut_stack(self, stack: MapStack) -> Table:
        """Cut the boxes of many maps; see :func:`harvest.boxes.cut_each`."""
        merged = self.merge_stack(stack)
        thresholds = (self.findings[finding].thresholds for finding in stack.findings)
        return cut_each([MapToCut(*one) for one in zip(merged, thresholds, stack.placements, strict=True)], self.boxes)
