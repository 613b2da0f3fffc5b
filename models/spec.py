"""What a network is and how its maps become boxes: every value that a bundle carries beside the weights.

The choices that the paper leaves open ([open] in its reading) are named settings here, never constants in code.
Source: Cai et al., MICCAI 2018, sec. 2.1-2.3, 3.1-3.2, eq. 1-8.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from models.findings import FINDINGS

BUNDLE_FORMAT = 1
"""Version of ``bundle.json``; a newer one is refused."""

WeightPrecision = Literal["float32", "float16"]
Merge = Literal["raw", "normalised", "max"]
RankBy = Literal["mean_attention", "threshold_ascending", "threshold_descending", "listed"]


class Frozen(BaseModel):
    """Base of all settings: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSpec(Frozen):
    """Architecture of the T networks N_1 .. N_T and the input they expect."""

    backbone: str = "resnet50"
    """timm name of any network with five stages of stride 2, 4, 8, 16, 32."""
    findings: tuple[str, ...] = FINDINGS
    """Order of the branches."""
    input_hw: tuple[int, int] = (512, 512)
    """Rows and columns of the network input, pixels."""
    in_channels: Literal[1, 3] = 3
    """3: the grey film is repeated, for backbones that start from colour photographs."""
    mean: float = 0.5
    """Subtracted from the grey value after it was scaled to [0, 1]."""
    std: float = Field(default=0.25, gt=0)
    """Divides what is left."""
    multiscale: bool = True
    """Multi-scale aggregation (sec. 2.3); False: the last stage alone."""
    deep_channels: int = 512
    """Channels of the 1x1 convolution on the stride-32 stage."""
    shallow_channels: int = 256
    """Channels of the 1x1 convolution on the stride-16 stage."""
    multiscale_norm: Literal["none", "batch_norm_relu"] = "batch_norm_relu"
    """[open] what follows the 1x1 convolutions."""
    pooling: Literal["average", "lse", "pcam"] = "average"
    """Map to logit: global average (paper), log-sum-exp, or mean weighted by the cell's own sigmoid."""
    lse_sharpness: float = Field(default=5.0, gt=0)
    """r of log-sum-exp pooling."""
    iterations: int = Field(default=3, ge=1, le=8)
    """T."""
    shared_stages: int = Field(default=4, ge=0, le=5)
    """Backbone stages whose weights N_1 .. N_T share: 0 none, 4 through stride 16, 5 the whole backbone."""


class MiningSpec(Frozen):
    """Attention mining (sec. 2.1, 3.2)."""

    activation: Literal["none", "sigmoid"] = "none"
    """[open] applied to the class activation map (sigmoid: with the bias) first; none: eq. 7 as printed."""
    erase_threshold: float = Field(default=0.5, gt=0, lt=1)
    """Of the normalised map; the component above it that holds the maximum is erased."""
    normalisation: Literal["min-max", "max"] = "min-max"
    """[open] minimum and maximum are taken over the visible cells only."""
    connectivity: Literal[4, 8] = 8
    """[open]"""
    stop_when_negative: bool = True
    """[open] a finding without a positive visible cell is mined no further."""


class BoxSpec(Frozen):
    """From the merged attention H_f to boxes (eq. 8, sec. 3.2)."""

    merge: Merge = "normalised"
    """[open] raw maps, maps normalised per iteration, or the cellwise maximum of the latter."""
    upsampling: int = Field(default=8, ge=1, le=32)
    """H_f is enlarged bilinearly by this before it is cut."""
    place_weight: float = Field(default=0.0, ge=0, le=4)
    """Power of ``FindingSpec.place`` by which the normalised H_f is multiplied before it is cut; 0: as in the paper."""
    asymmetry_weight: float = Field(default=0.0, ge=0, le=2)
    """Of the difference between film and mirror image (``harvest.asymmetry``): the normalised H_f is multiplied by
    exp(weight * difference) before it is cut; 0: as in the paper."""
    smoothing: float = Field(default=0.0, ge=0)
    """Standard deviation of a Gaussian applied before cutting, in cells of the map."""
    max_boxes: int = Field(default=3, ge=1, le=10)
    """Per film and finding."""
    components: Literal["peak", "all"] = "peak"
    """peak: of each threshold, the component that holds the maximum; all: each component, largest mean first."""
    rank_by: RankBy = "mean_attention"
    """[open] Order of the boxes of one film and finding; listed: that of the finding's thresholds, which is chosen with
    them."""


class FindingSpec(Frozen):
    """Settings of one finding."""

    gate: float = Field(default=0.5, ge=0, le=1)
    """Operating point: the finding is present when its probability is at or above this."""
    thresholds: tuple[float, ...] = (0.35, 0.5, 0.7)
    """Of H_f normalised to [0, 1]; one box per threshold, ranked in this order where ``BoxSpec.rank_by`` says so."""
    place: tuple[tuple[float, ...], ...] | None = None
    """Where attention to the finding usually lies: rows and columns of a coarse grid over the upright film, each above
    0 and at most 1; learned from maps and labels alone. None: anywhere alike."""

    @model_validator(mode="after")
    def _in_unit_interval(self) -> Self:
        if not self.thresholds or not all(0 < value < 1 for value in self.thresholds):
            raise ValueError("thresholds must be one or more values between 0 and 1")
        return self

    @field_validator("place")
    @classmethod
    def _is_a_grid(cls, place: tuple[tuple[float, ...], ...] | None) -> tuple[tuple[float, ...], ...] | None:
        if place is not None and (
            len({len(row) for row in place}) != 1
            or not place[0]
            or not all(0 < value <= 1 for row in place for value in row)
        ):
            raise ValueError("place must be rows of equal length, of values above 0 and at most 1")
        return place


class BundleSpec(Frozen):
    """``bundle.json``: all that inference needs beside the weights."""

    format: int = BUNDLE_FORMAT
    """Of the file; a newer one is refused."""
    name: str
    """Stands in every run's record."""
    version: str = "1"
    """Of the model."""
    network: NetworkSpec
    mining: MiningSpec = MiningSpec()
    boxes: BoxSpec = BoxSpec()
    findings: dict[str, FindingSpec]
    """One entry per finding of ``network.findings``."""
    gate_source: str = "default"
    """Where the operating points come from, in words."""
    threshold_source: str = "default"
    """Where the box thresholds come from, in words."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    """Training data (digest, split, counts), settings, code version, date, machine."""
    weights: WeightPrecision = "float32"
    """How weights of more than one axis are stored; all are float32 once loaded."""
    weights_sha256: str = ""
    """Digest of ``weights.safetensors``; written by ``save_bundle``."""

    @model_validator(mode="after")
    def _every_finding_has_settings(self) -> Self:
        if set(self.findings) != set(self.network.findings):
            raise ValueError("findings must have one entry for each of network.findings")
        return self
