"""Presets of training: what the paper says, and what suits little data and no graphics processor."""

from typing import Any

from models.pretrained import PACKAGED_BACKBONE, PACKAGED_MEAN, PACKAGED_STD

PAPER: dict[str, Any] = {
    "network": {"backbone": "resnet50", "input_hw": (512, 512), "shared_stages": 0},
    "classifier": {"epochs": 50, "batch_size": 64, "optimiser": "sgd", "learning_rate": 0.1},
    "warm_up": {"epochs": 10, "batch_size": 64, "optimiser": "sgd", "learning_rate": 0.1},
    "end_to_end": {
        "epochs": 50,
        "batch_size": 64,
        "optimiser": "sgd",
        "learning_rate": 0.01,
        "patience": 3,
        "keep": "best",
    },
    "attention_mining": {"epochs": 5, "batch_size": 64, "optimiser": "sgd", "learning_rate": 0.01},
}
"""ResNet-50, 512 x 512, lr 0.1, 50 + 10 epochs, batch 64, n = 8, lambda = 0.5, T = 3; lr and length of what follows are
[open], as is the order of initial weights: give ``--init``."""

SMALL: dict[str, Any] = {
    "init": "package",
    "stored_weights": "float16",
    "network": {
        "backbone": PACKAGED_BACKBONE,
        "input_hw": (512, 512),
        "mean": PACKAGED_MEAN,
        "std": PACKAGED_STD,
        "deep_channels": 256,
        "shallow_channels": 128,
        "pooling": "pcam",
    },
    "mining": {"erase_threshold": 0.75, "stop_when_negative": False},
    "boxes": {"merge": "raw", "asymmetry_weight": 0.2, "rank_by": "listed"},
    "data": {"validation_share": 0.1},
    "augmentation": {"degrees": 10, "translate": 0.08, "scale": 0.15, "horizontal_flip": 0.5},
    "end_to_end": {
        "epochs": 7,
        "batch_size": 32,
        "optimiser": "adamw",
        "learning_rate": 5e-4,
        "head_factor": 3.0,
        "weight_decay": 0.02,
        "schedule": "cosine",
        "ramp": 0.05,
        "frozen_stages": 2,
        "ema_decay": 0.99,
        "members": 2,
    },
    "attention_mining": {
        "epochs": 1,
        "batches": 90,
        "batch_size": 16,
        "optimiser": "adamw",
        "learning_rate": 1e-4,
        "weight_decay": 0.02,
        "knowledge_ratio": 1.0,
        "first_step": "skip",
    },
}
"""About a thousand films on a CPU: EfficientNet-Lite0 with ImageNet weights, 512 x 512, AdamW, two trainings averaged.
Peaked pooling (PCAM) leaves the mining something to find, where average pooling on few films gives maps that are too
wide already. The recipe was chosen on held-out patients (``benchmarks/recipes.py``)."""

DEMO: dict[str, Any] = {
    "init": "package",
    "stored_weights": "float16",
    "network": {
        "backbone": PACKAGED_BACKBONE,
        "input_hw": (256, 256),
        "mean": PACKAGED_MEAN,
        "std": PACKAGED_STD,
        "deep_channels": 128,
        "shallow_channels": 64,
        "shared_stages": 5,
        "pooling": "lse",
        "lse_sharpness": 10.0,
    },
    "mining": {"erase_threshold": 0.75, "stop_when_negative": False},
    "boxes": {"merge": "raw"},
    "end_to_end": {
        "epochs": 5,
        "batch_size": 32,
        "optimiser": "adamw",
        "learning_rate": 5e-4,
        "head_factor": 3.0,
        "weight_decay": 0.02,
        "schedule": "cosine",
        "ramp": 0.05,
        "frozen_stages": 3,
        "ema_decay": 0.99,
    },
    "attention_mining": {
        "epochs": 1,
        "batches": 40,
        "batch_size": 32,
        "optimiser": "adamw",
        "learning_rate": 5e-4,
        "weight_decay": 0.02,
        "knowledge_ratio": 0.5,
        "first_step": "skip",
    },
}
"""Phantoms: the same at 256 x 256, the whole backbone shared, so that the bundle is small."""

PRESETS: dict[str, dict[str, Any]] = {"paper": PAPER, "small": SMALL, "demo": DEMO}
