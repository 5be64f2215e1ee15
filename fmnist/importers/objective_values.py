"""The validation accuracy in what a study calls its value; nothing else is taken for one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from fmnist.importers.external import ExternalStudy, ExternalTrial, refuse
from fmnist.text import counted
from search.records import Failure

Scale = Literal["accuracy", "percent", "error"]
SCALES: tuple[Scale, ...] = ("accuracy", "percent", "error")
ACCURACIES = (
    "val_accuracy", "val_sparse_categorical_accuracy", "val_categorical_accuracy", "val_acc",
)  # fmt: skip
TRAINING_ACCURACIES = tuple(name.removeprefix("val_") for name in ACCURACIES)
_WORDS = {
    "accuracy": "taken as it is, a fraction",
    "percent": "taken as a percentage and divided by 100",
    "error": "taken as an error rate and subtracted from 1",
}
_UNFINISHED = "it has no finished trial with a value: nothing to report on"
_ACCURACY_ONLY = "only a validation accuracy can be reported on"


@dataclass(frozen=True)
class Valued:
    """Trials whose values are fractions from 0 to 1, what was done to get them, and notes."""

    trials: tuple[ExternalTrial, ...]
    sentence: str
    notes: tuple[str, ...]


def accuracies(
    study: ExternalStudy, metric: str | None = None, scale: Scale | None = None
) -> Valued:
    """The trials with their validation accuracies.

    Args:
        metric: a further number of each trial to take instead of the value.
        scale: what the values are; None: fractions, if they look like it and more is better.

    Raises:
        ForeignError: the values are no accuracies, or may be none.
    """
    if not study.complete:
        raise refuse(study.source, [_UNFINISHED])
    chosen = metric or _known_accuracy(study)
    if chosen is not None and chosen != study.metric:
        trials, name = _by_metric(study, chosen), chosen
    else:
        trials, name = list(study.trials), study.metric
        _check_direction(study, scale, explicit=metric is not None)
    if "loss" in name.lower():
        raise refuse(study.source, [f"{name!r} is a loss: {_ACCURACY_ONLY}{_remedy(study)}"])
    if study.engine == "keras-tuner" and name in TRAINING_ACCURACIES:
        raise refuse(
            study.source,
            [f"{name!r} is the accuracy on the training images: {_ACCURACY_ONLY}{_remedy(study)}"],
        )
    trials, infinite = _finite(trials)
    if not any(t.state == "complete" for t in trials):
        raise refuse(study.source, [_UNFINISHED])
    used: Scale = scale or "accuracy"
    scaled = [_scaled(t, used) for t in trials]
    _check_range(study, [t for t in trials if t.state == "complete"], scaled, used)
    what = f"“{name}” of each trial" if name else "the value of each trial"
    return Valued(tuple(_within(t) for t in scaled), f"{what}, {_WORDS[used]}", tuple(infinite))


def _known_accuracy(study: ExternalStudy) -> str | None:
    """The metric of a keras-tuner project that is an accuracy, whatever it optimised."""
    if study.engine != "keras-tuner":
        return None
    complete = study.complete
    names = [n for n in ACCURACIES if complete and all(n in t.metrics for t in complete)]
    return names[0] if names else None


def _by_metric(study: ExternalStudy, name: str) -> list[ExternalTrial]:
    lacking = [t.number for t in study.complete if name not in t.metrics]
    if lacking:
        few = ", ".join(map(str, lacking[:5])) + (", …" if len(lacking) > 5 else "")
        raise refuse(
            study.source,
            [f"{name!r}: no such number in {counted(len(lacking), 'complete trial')} ({few})"],
        )
    # What was reported on the way is not this metric.
    return [
        replace(t, value=None if t.state == "failed" else t.metrics.get(name), steps={})
        for t in study.trials
    ]


def _check_direction(study: ExternalStudy, scale: Scale | None, *, explicit: bool) -> None:
    if study.direction == "maximize" and scale == "error":
        raise refuse(study.source, ["--value error: but the study maximises its values"])
    if study.direction == "minimize" and scale is None and not explicit:
        found = f", {study.metric!r}," if study.metric else ""
        values = [t.value for t in study.complete if t.value is not None]
        shown = f" (they are {min(values):.4g} to {max(values):.4g})" if values else ""
        raise refuse(
            study.source,
            [
                f"its value{found} is minimised, Optuna's default: say what its values are{shown}: "
                "--value accuracy, where the direction was only forgotten (the search then looked "
                f"for the worst), or --value error for error rates (1 - accuracy){_remedy(study)}"
            ],
        )


def _remedy(study: ExternalStudy) -> str:
    """Further numbers of the trials that might be what is wanted."""
    names = dict.fromkeys(n for t in study.complete for n in t.metrics if n != study.metric)
    shown = ", ".join(list(names)[:10])
    return f"; or take another number of the trials with --metric: {shown}" if shown else ""


def _finite(trials: Iterable[ExternalTrial]) -> tuple[list[ExternalTrial], list[str]]:
    """Complete trials without a finite value have failed, whatever the study says."""
    kept, numbers = [], []
    for trial in trials:
        bad = trial.state == "complete" and not (
            trial.value is not None and math.isfinite(trial.value)
        )
        if bad:
            numbers.append(trial.number)
            failure = Failure("nan", f"complete in the study, with the value {trial.value}")
            trial = replace(trial, state="failed", value=None, failure=failure)
        kept.append(trial)
    if not numbers:
        return kept, []
    few = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
    return kept, [f"Complete trials without a finite value count as failed ({few})."]


def _scaled(trial: ExternalTrial, scale: Scale) -> ExternalTrial:
    def fraction(value: float) -> float:
        return {"accuracy": value, "percent": value / 100, "error": 1 - value}[scale]

    value = None if trial.value is None else fraction(trial.value)
    return replace(trial, value=value, steps={s: fraction(v) for s, v in trial.steps.items()})


def _check_range(
    study: ExternalStudy, given: list[ExternalTrial], scaled: list[ExternalTrial], scale: Scale
) -> None:
    values = [t.value for t in scaled if t.state == "complete" and t.value is not None]
    if all(0 <= v <= 1 for v in values):
        return
    low, high = (pick(t.value or 0.0 for t in given) for pick in (min, max))
    looks = scale == "accuracy" and low >= 0 and 1 < high <= 100
    hint = "; percentages? Then give --value percent" if looks else f": {_ACCURACY_ONLY}"
    raise refuse(
        study.source,
        [f"values from {low:.6g} to {high:.6g} are no fractions of 0 to 1{hint}{_remedy(study)}"],
    )


def _within(trial: ExternalTrial) -> ExternalTrial:
    """Without intermediate values that are no fractions; a pruned trial's value may be one."""
    good = {s: v for s, v in trial.steps.items() if 0 <= v <= 1}
    value = trial.value if trial.value is not None and 0 <= trial.value <= 1 else None
    return replace(trial, value=value, steps=good)
