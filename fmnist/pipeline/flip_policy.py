"""What is known of Fashion-MNIST alone is not done with other data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fmnist.config.spaces import SPACES
from search.space import SearchSpace

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

FLIP_FIELDS = ("flip", "test_time_flip")
"""Fields that take an image and its mirror image for the same class."""


def disable_flips(job: Context) -> None:
    """Leave mirrored images out of a job on data that need not bear them.

    They stay where they were asked for: by ``--set``, in a space file, or in a configuration or
    recipe that is trained as it stands.
    """
    if job.request.data is None or job.data.mirrors:
        return
    request, kept = job.request, set(job.request.settings or {})
    own_space = request.space is not None and request.space not in SPACES
    if job.space is not None and not own_space:
        left = tuple(p for p in job.space if p.name not in FLIP_FIELDS)
        job.space = SearchSpace(left)
        known = {p.name for p in left}
        job.first_trials = tuple(
            {k: v for k, v in params.items() if k in known} for params in job.first_trials
        )
    if not (request.warm_start or request.recipe):
        job.base = job.base.replace(**without_flips(kept))


def without_flips(kept: set[str] | None = None) -> dict[str, Any]:
    """The fields without mirrored images, but for those to be kept."""
    return {name: False for name in FLIP_FIELDS if name not in (kept or ())}


def flip_note(job: Context) -> str:
    """Why mirrored images are left out of a job, or that they are in it all the same."""
    if job.data.mirrors:
        return ""
    searched = {p.name for p in job.space or ()}
    if searched & set(FLIP_FIELDS) or any(getattr(job.base, name) for name in FLIP_FIELDS):
        settings = job.request.settings or {}
        inherited = job.request.warm_start and not set(FLIP_FIELDS) & set(settings)
        why = (
            "as the configuration that the search starts from has them (--set flip=false "
            "--set test_time_flip=false leaves them out)"
            if inherited and not searched & set(FLIP_FIELDS)
            else "as was asked for"
        )
        return (
            f"Mirrored images are used, {why}, though nothing says that they keep their class in "
            "this data set."
        )
    return (
        "Mirrored images were left out of training, search and prediction: that they keep their "
        "class is known of Fashion-MNIST only, and does not hold for letters and digits."
    )
