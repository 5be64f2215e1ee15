"""How the time given is spent: how many images and epochs a trial and the final fit get.

Longer runs afford trials nearer to the final training. The search stops early enough that
retraining, evaluation and report fit in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fmnist.errors import UserError

MINIMUM_SECONDS = 60.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Plan:
    """Sizes of the parts of a run.

    Attributes:
        trial_images: training images a trial sees, a stratified part of the training split.
        trial_epochs: epochs of a trial.
        final_epochs: epochs of the retraining, fewer where the time does not suffice.
        validation: images split off for validation.
    """

    trial_images: int
    trial_epochs: int
    final_epochs: int
    validation: int = 6000


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


def parse_duration(text: str) -> float:
    """Seconds of ``90s``, ``10m``, ``8h`` or ``1h30m``; at least one minute.

    Raises:
        UserError: another form, or less than a minute.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise UserError(f"--time {text}: expected a duration such as 90s, 10m, 8h or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds < MINIMUM_SECONDS:
        raise UserError(f"--time {text}: at least 1m is needed to search, retrain and report")
    return seconds


@dataclass(frozen=True)
class Reserve:
    """Seconds kept back for what comes after the search, out of ``total``."""

    total: float

    def tail(self) -> float:
        """For evaluation, explanations and the report."""
        return min(50.0, 0.25 * self.total)

    def retraining(self, wanted: float) -> float:
        """For the retraining that would like ``wanted`` seconds."""
        return min(wanted, 0.45 * (self.total - self.tail()))
