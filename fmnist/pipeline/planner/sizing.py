"""The sizes and the parallelism of a job: what was asked for, else what time and machine allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fmnist.backends import parallelism
from fmnist.config.config import Config
from fmnist.data import DataSet
from fmnist.pipeline.planner.profiles import profile_for, scale_to_dataset
from fmnist.pipeline.planner.workload import PostSearchWorkload
from fmnist.pipeline.request import Request
from fmnist.runs.records.plan import RunProfile
from search.processes.supervisor import available_cores
from search.space import SearchSpace


def choose_profile(
    request: Request, seconds: float | None, load: Callable[[], DataSet]
) -> RunProfile:
    """The profile for ``seconds`` of time, with what was asked for instead.

    Args:
        load: gives the data; called only where they are the user's own, whose size counts.
    """
    profile = profile_for(None if request.kind == "train" else seconds)
    if request.kind == "train" or request.recipe:
        profile = replace(profile, refit=False)  # what is given is trained as it stands
    if request.data is not None:
        data = load()
        profile = scale_to_dataset(profile, len(data.train_labels), len(data.class_names))
    names = ("trial_images", "trial_epochs", "final_epochs", "validation", "refit")
    asked: dict[str, Any] = {n: v for n in names if (v := getattr(request, n)) is not None}
    if request.final_epochs is not None:
        asked["stretch"] = 1
    return replace(profile, **asked)


def choose_workload(
    request: Request, profile: RunProfile, base: Config, space: SearchSpace | None
) -> PostSearchWorkload:
    """What is to be made besides search, confirmation and retraining."""
    searched = [p.name for p in space or ()]
    mirrored = base.test_time_flip or "test_time_flip" in searched
    members = (request.ensemble or 1) - 1
    return PostSearchWorkload(profile.refit, members, mirrored, request.wants_experiments)


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
