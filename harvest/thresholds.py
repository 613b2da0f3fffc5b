"""Box thresholds chosen per finding from maps and annotated boxes, shrunk towards one common choice.

Which intensity thresholds cut the boxes is open in the paper (sec. 3.2). Here every combination from a grid is scored
with the arithmetic of the evaluation itself. A finding with n boxes takes the combination that is best by

    w * (its own mean Acc) + (1 - w) * (mean over all findings of that mean),    w = n / (n + shrinkage),

so few boxes say little: none at all, and the common best is taken. Where boxes are ranked in the order in which their
thresholds are listed, that order is chosen with them. The boxes used here must not be those that are scored afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt
from pydantic import Field

from harvest.boxes import CutBox, cut_boxes
from harvest.evaluation.cases import FindingCase
from harvest.evaluation.overlap import Boxes, iobb, iou
from harvest.evaluation.protocols import Protocol, Rule, tally
from harvest.geometry import Placement
from models.spec import BoxSpec, BundleSpec, Frozen

Combination = tuple[float, ...]
UNLIMITED = 1_000_000


class ThresholdSearch(Frozen):
    """What is searched, and for what."""

    grid: tuple[float, ...] = tuple(round(0.1 + 0.05 * step, 2) for step in range(17))
    """Thresholds to combine, ascending: .10, .15 .. .90."""
    count: int = Field(default=3, ge=1, le=5)
    """Thresholds per finding."""
    protocols: tuple[Protocol, ...] = ("iam-table2", "iam-all-boxes")
    """The mean Acc over these protocols and ``targets`` is what is made large."""
    targets: tuple[float, ...] = (0.1, 0.3, 0.5)
    """T(IoU)."""
    shrinkage: float = Field(default=20.0, ge=0)
    """Number of boxes at which a finding's own score weighs as much as the common one."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that is scored."""
        return tuple(Rule(protocol, "IoU", target) for protocol in self.protocols for target in self.targets)


@dataclass(frozen=True)
class MapCase:
    """The merged attention of one (film, finding) and what radiologists drew there.

    Attributes:
        stem: name of the film; it orders list B.
        merged: (h, w) H_f over the whole network input, any range.
        placement: of the film in the network input.
        annotated: (A, 4) in pixels of the stored image, A >= 1.
    """

    stem: str
    finding: str
    merged: npt.NDArray[np.float32]
    placement: Placement
    annotated: Boxes


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """What was chosen for one finding, and on what grounds.

    Attributes:
        annotated_boxes: n.
        own_weight: w.
        score: mean Acc of this choice on the finding's own boxes; None without boxes.
    """

    thresholds: Combination
    annotated_boxes: int
    own_weight: float
    score: float | None


def choose_thresholds(
    cases: Sequence[MapCase], findings: Sequence[str], spec: BoxSpec, search: ThresholdSearch | None = None
) -> dict[str, ThresholdChoice]:
    """Choose thresholds for every finding; the same input gives the same choice.

    Equal scores go to the combination that is better over all findings, then to the first in ascending order.

    Args:
        cases: at most one per film and finding.
        findings: also those without any case.
        spec: how boxes are cut, ranked and limited.
        search: grid and objective; the defaults when None.
    """
    search = search or ThresholdSearch()
    arrange = permutations if spec.rank_by == "listed" else combinations
    options = list(arrange(sorted(search.grid), search.count))
    groups = {
        name: sorted((one for one in cases if one.finding == name), key=lambda one: one.stem) for name in findings
    }
    counts = {name: sum(len(one.annotated) for one in group) for name, group in groups.items()}
    own = {name: _score_all(group, options, spec, search) for name, group in groups.items() if counts[name]}
    common = np.mean(list(own.values()), axis=0) if own else np.zeros(len(options))
    return {name: _choose(options, own.get(name), common, counts[name], search.shrinkage) for name in findings}


def with_thresholds(spec: BundleSpec, choices: dict[str, ThresholdChoice], source: str) -> BundleSpec:
    """Return a bundle's spec with chosen thresholds; ``source`` says in words where they come from."""
    findings = {
        name: one.model_copy(update={"thresholds": choices[name].thresholds}) if name in choices else one
        for name, one in spec.findings.items()
    }
    return spec.model_copy(update={"findings": findings, "threshold_source": source})


def _choose(
    options: Sequence[Combination],
    own: npt.NDArray[np.float64] | None,
    common: npt.NDArray[np.float64],
    boxes: int,
    shrinkage: float,
) -> ThresholdChoice:
    weight = boxes / (boxes + shrinkage) if boxes else 0.0
    shrunk = common if own is None else weight * own + (1 - weight) * common
    # Rounded, so that sums taken in another order cannot break a tie otherwise.
    best = int(np.lexsort((-common.round(12), -shrunk.round(12)))[0])
    return ThresholdChoice(options[best], boxes, weight, None if own is None else float(own[best]))


@dataclass(frozen=True)
class _Candidates:
    """Every distinct box of one finding that some threshold gives, images ascending, largest mean first within.

    Attributes:
        case: all of them, as if taken together.
        cut_at: (B, G) which thresholds of the grid give the box.
    """

    case: FindingCase
    cut_at: npt.NDArray[np.bool_]


def _score_all(
    group: Sequence[MapCase], options: Sequence[Combination], spec: BoxSpec, search: ThresholdSearch
) -> npt.NDArray[np.float64]:
    """Return the mean Acc of each combination, on the boxes of one finding."""
    grid = sorted(search.grid)
    candidates = _cut_candidates(group, grid, spec)
    ones = np.ones((1, len(group)), dtype=np.int64)
    columns = [[grid.index(value) for value in option] for option in options]
    return np.array(
        [
            np.mean([tally(case, rule, ones).accuracy[0] for rule in search.rules])
            for case in (_select(candidates, chosen, spec) for chosen in columns)
        ]
    )


def _cut_candidates(group: Sequence[MapCase], grid: Sequence[float], spec: BoxSpec) -> _Candidates:
    boxes: list[Boxes] = []
    cut_at: list[npt.NDArray[np.bool_]] = []
    for one in group:
        found = _cut_at_each(one, grid, spec)
        boxes.append(np.array(list(found), dtype=np.float64).reshape(-1, 4))
        cut_at += [np.isin(np.arange(len(grid)), columns) for columns in found.values()]
    box_image = np.repeat(np.arange(len(group)), [len(one) for one in boxes])
    annotation_image = np.repeat(np.arange(len(group)), [len(one.annotated) for one in group])
    pairs = np.argwhere(box_image[:, None] == annotation_image[None, :])
    ours = np.concatenate(boxes)[pairs[:, 0]]
    theirs = np.concatenate([one.annotated for one in group])[pairs[:, 1]]
    case = FindingCase(
        finding=group[0].finding,
        stems=tuple(one.stem for one in group),
        patient=np.arange(len(group)),
        box_image=box_image,
        annotation_image=annotation_image,
        pairs=pairs,
        overlaps={"IoU": iou(ours, theirs), "IoBB": iobb(ours, theirs)},
    )
    return _Candidates(case, np.array(cut_at, dtype=bool).reshape(-1, len(grid)))


def _cut_at_each(one: MapCase, grid: Sequence[float], spec: BoxSpec) -> dict[tuple[float, ...], list[int]]:
    """Return the distinct boxes of a film, largest mean first, and the places in the grid at which each is cut."""
    unlimited = spec.model_copy(update={"max_boxes": UNLIMITED})  # the limit is applied to each combination
    cut: list[tuple[CutBox, int]] = [
        (box, column)
        for column, threshold in enumerate(grid)
        for box in cut_boxes(one.merged, (threshold,), unlimited, one.placement)
    ]
    cut.sort(key=lambda item: (-item[0].mean_attention, item[1], item[0].box))
    found: dict[tuple[float, ...], list[int]] = {}
    for box, column in cut:
        found.setdefault(box.box, []).append(column)
    return found


def _select(candidates: _Candidates, columns: Sequence[int], spec: BoxSpec) -> FindingCase:
    """Return the case of one combination: its boxes, at most ``max_boxes`` per film, in the order of list B."""
    case = candidates.case
    chosen = np.flatnonzero(candidates.cut_at[:, columns].any(axis=1))
    if spec.rank_by != "mean_attention":
        turns = columns[::-1] if spec.rank_by == "threshold_descending" else columns
        turn = candidates.cut_at[chosen][:, turns].argmax(axis=1)
        chosen = chosen[np.lexsort((turn, case.box_image[chosen]))]
    images = case.box_image[chosen]
    starts = np.searchsorted(images, images)  # images ascend, so this is the first box of the same film
    place = np.arange(len(chosen)) - starts
    order = np.lexsort((images, place))
    order = order[place[order] < spec.max_boxes]
    number = np.full(len(case.box_image), -1)
    number[chosen[order]] = np.arange(len(order))
    kept = number[case.pairs[:, 0]] >= 0
    pairs = np.stack([number[case.pairs[kept, 0]], case.pairs[kept, 1]], axis=1)
    overlaps = {kind: values[kept] for kind, values in case.overlaps.items()}
    return replace(case, box_image=images[order], pairs=pairs, overlaps=overlaps)
