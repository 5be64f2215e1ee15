"""The sizes and the parallelism of a job: what was asked for, else what time and machine allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fmnist.ablation.sizing import TELLING_SIZE, Prices
from fmnist.ablation.variants import catalogue, equal_units
from fmnist.backends import parallelism
from fmnist.config.config import Config
from fmnist.data import DataSet
from fmnist.data.views import Views
from fmnist.models.caps import Excess
from fmnist.pipeline.planner.costs import relative_cost, slowness_of
from fmnist.pipeline.planner.profiles import (
    FEWEST_EPOCHS,
    FEWEST_TRIALS,
    profile_for,
    scale_to_dataset,
)
from fmnist.pipeline.planner.workload import PostSearchWorkload
from fmnist.pipeline.request import Request
from fmnist.runs.records.plan import Forecast, RunProfile
from fmnist.text import counted, percent
from search.processes.supervisor import available_cores
from search.space import SearchSpace

# What the dense baseline is trained with: of three learning rates the best on validation images
# (89.2 % after ten epochs). Its epochs, the most that fit into its share of the time; what is kept
# above its expected cost, and the seconds of a process that starts and compiles.
_DENSE: dict[str, Any] = {
    "stages": 0,
    "whitening": False,
    "batch_size": 256,
    "learning_rate": 5e-3,
    "dropout": 0.2,
    "shift": 0,
    "erasing": 0.0,
    "ema": 0.0,
}
_BASELINE_EPOCHS = (40, 20, 10)
_BASELINE_SHARE, BASELINE_MARGIN, _BASELINE_START = 0.03, 1.3, 8.0


def choose_profile(
    request: Request,
    seconds: float | None,
    load: Callable[[], DataSet],
    *,
    speed: float | None = None,
    jobs: int = 1,
    base: Config | None = None,
    excess: Excess = lambda _: "",
) -> RunProfile:
    """The profile for ``seconds`` of time, with what was asked for instead.

    Args:
        load: gives the data; called only where they are the user's own, whose size counts.
        speed, jobs: see ``profile_for``.
        base: of the run, which counts where the user gave it.
        excess: see ``profile_for``.
    """
    members = None if request.ensemble is None else max(0, request.ensemble - 1)
    own = bool(request.warm_start or request.recipe)
    profile = profile_for(
        None if request.kind == "train" else seconds,
        speed,
        jobs=jobs,
        settings=request.settings,
        given=base if own else None,
        refit=request.refit,
        members=members,
        searched=request.trials != 1,
        excess=(lambda _: "") if own else excess,
    )
    if request.kind == "train" or request.recipe:
        # What is given is trained as it stands.
        profile = replace(profile, refit=False, members=members or 0)
    if request.data is not None:
        data = load()
        profile = scale_to_dataset(profile, len(data.train_labels), len(data.class_names))
    names = ("trial_images", "trial_epochs", "final_epochs", "validation", "refit")
    asked: dict[str, Any] = {n: v for n in names if (v := getattr(request, n)) is not None}
    if request.final_epochs is not None:
        asked["stretch"] = 1
    wanted = (request.trials or 1) > 1 or asked.keys() & {"trial_images", "trial_epochs"}
    if wanted or (request.study and request.trials != 1):  # asked for, or other machines help
        asked["max_trials"] = None
    return replace(profile, **asked)


def describe_profile(profile: RunProfile, speed: float, expected: Forecast | None = None) -> str:
    """What the plan chose for a machine of that speed, and what is to be expected, in words."""
    parts = [_describe_sizes(profile, speed)]
    if expected is not None:
        parts.append(f"expected test accuracy {describe_forecast(expected)}")
    return "; ".join(parts)


def describe_forecast(expected: Forecast) -> str:
    """The expected accuracy with its interval, in words."""
    low, high = percent(expected.low), percent(expected.high)
    return f"{percent(expected.accuracy)} ({low} to {high} in nine runs of ten)"


def _describe_sizes(profile: RunProfile, speed: float) -> str:
    chosen = (
        f"{speed:,.0f} images of the reference network a second: "
        f"{counted(profile.final_epochs, 'epoch')} of the final training"
    )
    # A stretch of 1: as many as were asked for.
    if profile.final_epochs < FEWEST_EPOCHS and profile.stretch != 1:
        chosen += f", fewer than the {FEWEST_EPOCHS} that it needs: give it more time"
    if not profile.searched:
        return (
            f"{chosen}; the search is given back: fewer than {FEWEST_TRIALS} trials fit beside it; "
            "a longer time brings one"
        )
    return f"{chosen}, trials of {profile.trial_epochs} epochs on {profile.trial_images:,} images"


def choose_workload(
    request: Request, profile: RunProfile, base: Config, space: SearchSpace | None
) -> PostSearchWorkload:
    """What is to be made besides search, confirmation and retraining."""
    searched = [p.name for p in space or ()]
    flip = base.test_time_flip or "test_time_flip" in searched
    shift = base.test_time_shift or int("test_time_shift" in searched)
    views = Views(flip, shift).count
    experiments = request.wants_experiments
    return PostSearchWorkload(profile.refit, profile.members, views, experiments)


def experiments_fit(base: Config, speed: float, jobs: int, seconds: float) -> bool:
    """Whether the telling experiments around ``base`` fit into ``seconds`` at a decent size."""
    unit = relative_cost(base) / speed * parallelism.parallel_slowdown(jobs)
    prices = Prices(base, unit, jobs, slowness_of(speed))
    telling = [e for e in catalogue(base) if e.telling and not e.reason]
    return prices.total(telling, TELLING_SIZE) <= seconds


def plan_baseline(
    base: Config, classes: int, images: int, speed: float, total: float | None, slowness: float = 1
) -> tuple[int, float]:
    """Epochs and seconds of the dense baseline of a network like ``base``; zeros without one.

    There is none where it would take more than a small share of the time, nor without a limit.
    """
    if total is None or not base.filters:
        return 0, 0.0
    for epochs in _BASELINE_EPOCHS:
        training = epochs * images * relative_cost(dense_config(base, classes, epochs)) / speed
        seconds = BASELINE_MARGIN * (training + _BASELINE_START * slowness)
        if seconds <= _BASELINE_SHARE * total:
            return epochs, round(seconds, 1)
    return 0, 0.0


def dense_config(config: Config, classes: int, epochs: int) -> Config:
    """The dense network of as many parameters as ``config`` has, with a recipe of its own."""
    return config.replace(**_DENSE, dense_units=equal_units(config, classes), epochs=epochs)


def choose_jobs(request: Request, seconds: float | None, device: str | None = None) -> int:
    """Trainings at once, as asked or as many as this machine allows.

    Args:
        seconds: of the whole job; None: no limit.
        device: what the children compute on; None: not known yet, it is guessed.
    """
    if request.kind == "train":
        return 1
    if request.jobs != "auto":
        return max(1, request.jobs)  # without trials there still is a retraining
    accelerated = parallelism.accelerator_in_sight() if device is None else device != "CPU"
    return parallelism.jobs_for(
        accelerated=accelerated,
        cores=available_cores(),
        memory=parallelism.available_memory(),
        seconds=seconds,
        trials=request.trials,
    )
