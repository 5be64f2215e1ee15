"""How large the parts of a run are: longer runs afford trials nearer to the final training.

And what stands around the searched fields: a recipe that makes most of the time there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fmnist.runs.records.plan import RunProfile

# Around the core space, measured by ``tests/benchmarks/ablation.py``: a residual network of
# two convolutions a stage behind a stem, after D. Page's ResNet-9 (How to train your ResNet, 2018).
_NETWORK = {
    "stem": 16,
    "convolutions": 2,
    "residual": True,
    "head": "max",
    "dense_units": 0,
    "dropout": 0.2,
}
_TRAINING = {
    "optimizer": "adamw",
    "learning_rate": 4e-3,
    "weight_decay": 0.02,
    "schedule": "one-cycle",
    "label_smoothing": 0.1,
    "batch_size": 128,
}
SHORT: Mapping[str, Any] = {**_NETWORK, **_TRAINING}
"""For trainings of up to some twenty epochs."""
LONGER: Mapping[str, Any] = {**SHORT, "erasing": 0.25}
"""For more epochs, which need more against overfitting."""
LONG: Mapping[str, Any] = {**LONGER, "width": 2.0, "ema": 0.99}
"""For many epochs: a wider network as well."""


PLANNED_IMAGES = 54_000
"""Training images that the plans are made for."""
VALIDATION_SHARE = 0.2
# How many times as many epochs as planned, at most, where there are fewer images.
_MORE_TRIAL, _MORE_FINAL = 4, 4
# More epochs than these only where they are planned: each leaves a checkpoint.
_MOST_EPOCHS = 200


_PLANS = (
    (5 * 60, RunProfile(6_000, 3, 12, base={**SHORT, "width": 0.75})),
    (15 * 60, RunProfile(10_000, 4, 18, base=SHORT)),
    (60 * 60, RunProfile(18_000, 5, 36, base=LONGER)),
    (4 * 3600, RunProfile(24_000, 5, 75, base=LONG)),
    (float("inf"), RunProfile(54_000, 12, 150, space="extended", base=LONG, refit=True)),
)


def profile_for(seconds: float | None) -> RunProfile:
    """The plan for a time budget; without one (trials are counted), that of half an hour."""
    wanted = 30 * 60 if seconds is None else seconds
    return next(plan for limit, plan in _PLANS if wanted <= limit)


def scale_to_dataset(plan: RunProfile, images: int, classes: int) -> RunProfile:
    """The plan for a data set with so many training images, the validation images among them.

    At most a fifth of them validates. Where fewer than planned are left, trainings take more
    epochs, so that they have about as many steps as planned.
    """
    fewest, most = classes, max(classes, images - classes)
    validation = min(max(fewest, min(plan.validation, round(VALIDATION_SHARE * images))), most)
    train = max(1, images - validation)
    trial_images = min(plan.trial_images, train)
    return replace(
        plan,
        validation=validation,
        trial_images=trial_images,
        trial_epochs=_epochs(plan.trial_epochs, plan.trial_images / trial_images, _MORE_TRIAL),
        final_epochs=min(
            _epochs(plan.final_epochs, PLANNED_IMAGES / train, _MORE_FINAL),
            max(plan.final_epochs, _MOST_EPOCHS),
        ),
    )


def _epochs(planned: int, times: float, most: int) -> int:
    return round(planned * min(max(times, 1.0), most))
