"""Settings of training: what the paper says of each phase, and every choice that it leaves open.

Source: Cai et al., MICCAI 2018, sec. 2.2 and 3.1. The phases are: classifier, warm-up of the multi-scale aggregation,
end to end, then one attention mining step per iteration.
"""

from typing import Literal

from pydantic import Field

from models.losses import KnowledgeNorm
from models.spec import Frozen

Knowledge = Literal["none", "vanilla", "full"]


class AugmentationSpec(Frozen):
    """[open] Random changes of a training film; 0 turns each off."""

    degrees: float = Field(default=7.0, ge=0, le=180)
    """Largest rotation."""
    translate: float = Field(default=0.05, ge=0, lt=1)
    """Largest shift, share of height and width."""
    scale: float = Field(default=0.1, ge=0, lt=1)
    """Zoom between 1 - scale and 1 + scale."""
    shear: float = Field(default=0.0, ge=0, le=45)
    """Largest shear, degrees."""
    brightness: float = Field(default=0.1, ge=0, lt=1)
    """Factor between 1 - brightness and 1 + brightness."""
    contrast: float = Field(default=0.2, ge=0, lt=1)
    """Factor between 1 - contrast and 1 + contrast."""
    horizontal_flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of a left-right mirror; 0 because the heart is on one side."""


class PhaseSpec(Frozen):
    """One phase of training; 0 epochs leave it out."""

    epochs: int = Field(default=0, ge=0)
    """At most; ``patience`` may end it earlier."""
    batch_size: int = Field(default=64, ge=1)
    """Films per update, over all processes (N)."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0)
    head_factor: float = Field(default=1.0, gt=0)
    """[open] learning rate of MSA and branches, times that of the backbone."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """[open] of sgd."""
    weight_decay: float = Field(default=0.0, ge=0)
    """[open] of weights, not of biases and normalisation."""
    schedule: Literal["constant", "cosine"] = "constant"
    """[open] of the learning rate over the phase; cosine ends at 0."""
    ramp: float = Field(default=0.0, ge=0, lt=1)
    """[open] share of the phase in which the learning rate rises linearly from 0."""
    frozen_stages: int = Field(default=0, ge=0, le=5)
    """[open] first stages of the backbone that are not trained; their BatchNorm statistics stay too."""
    batch_norm: Literal["train", "frozen"] = "train"
    """[open] statistics of BatchNorm: followed, or frozen throughout (AM steps freeze them always)."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """[open] 0: none."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """[open] of an exponential moving average of the weights, per update, which is then what is kept; 0: none."""
    patience: int = Field(default=0, ge=0)
    """End after this many epochs without a lower validation loss; 0: never."""
    keep: Literal["last", "best"] = "last"
    """Weights handed on: of the last epoch, or of the one with the lowest validation loss."""


class EndToEndSpec(PhaseSpec):
    """Training end to end."""

    members: int = Field(default=1, ge=1, le=10)
    """[open] trainings, each from the same weights but with films in another order and changed otherwise, whose weights
    are averaged (Wortsman et al., Model soups, ICML 2022)."""


class MiningPhaseSpec(PhaseSpec):
    """The attention mining steps t = 1 .. T; epochs and the other settings are those of each step."""

    batches: int = Field(default=0, ge=0)
    """[open] updates per epoch; 0: as many as show every film once."""
    knowledge: Knowledge = "full"
    """none: every film of a batch is mined; vanilla: only the first n; full: also the term L_KP on the others."""
    first_step: Literal["same", "vanilla", "skip"] = "same"
    """[open] t = 1, which mines nothing: trained like the others, without L_KP, or N_1 is the base network."""
    mined_share: float = Field(default=0.125, gt=0, le=1)
    """n / N; at least one film."""
    knowledge_weight: float = Field(default=0.5, ge=0)
    """lambda (eq. 6)."""
    knowledge_ratio: float = Field(default=0.0, ge=0)
    """[open] above 0: lambda is chosen so that lambda L_KP is about this share of L_cls (``knowledge_calibration``)."""
    knowledge_calibration: float = Field(default=0.1, gt=0, lt=1)
    """[open] share of the step, at its start, in which lambda is 0 and the size of L_KP is measured for the ratio."""
    knowledge_norm: KnowledgeNorm = "matrix"
    """[open] of eq. 4: of the whole matrix, or mean over films."""
    knowledge_reference: Literal["previous", "base"] = "previous"
    """[open] N_A: the network before this step, or the one before all steps."""
    erase_negatives: bool = False
    """[open] whether findings that a mined film does not have are erased too."""
