"""How large the parts of a run are: longer runs afford trials nearer to the final training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Sizes of the parts of a run.

    Attributes:
        trial_images: training images a trial sees, a stratified part of the training split.
        trial_epochs: epochs of a trial.
        final_epochs: epochs of the retraining, fewer where the time does not suffice.
        validation: images split off for validation.
        stretch: the retraining may take so many times ``final_epochs`` where time is left over;
            1 where the user chose the epochs.
    """

    trial_images: int
    trial_epochs: int
    final_epochs: int
    validation: int = 6000
    stretch: float = 1.5


_PLANS = (
    (5 * 60, Plan(trial_images=6_000, trial_epochs=3, final_epochs=8)),
    (30 * 60, Plan(trial_images=18_000, trial_epochs=4, final_epochs=16)),
    (2 * 3600, Plan(trial_images=30_000, trial_epochs=6, final_epochs=24)),
    (float("inf"), Plan(trial_images=54_000, trial_epochs=10, final_epochs=36)),
)


def plan_for(seconds: float | None) -> Plan:
    """The plan for a time budget; without one (trials are counted), that of half an hour."""
    wanted = 30 * 60 if seconds is None else seconds
    return next(plan for limit, plan in _PLANS if wanted <= limit)
