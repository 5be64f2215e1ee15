"""From the trainings to ``experiments.json``: scores, differences, verdicts, what was skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from fmnist.ablation.experiment import Experiment
from fmnist.ablation.variants import AUGMENTATION, KEYS
from fmnist.analysis.intervals import holm, holm_levels
from fmnist.analysis.paired_effects import ENOUGH, Effect, ScoredAnswers, effect
from fmnist.config.config import Config
from fmnist.models.size import size_of
from fmnist.runs.records.ablation import (
    BETTER,
    UNDECIDED,
    WORSE,
    Base,
    Confusions,
    Counts,
    Experiments,
    Fidelity,
    Measured,
    SeedScore,
    Skipped,
)
from search.analysis.results import Interval
from search.records import Trial

ALPHA = 0.05
NO_TIME = "there was no time"
ROUND = 100
"""Trainings are numbered by seed: number ``ROUND`` times the seed, plus the place."""
BASE = 0
"""The place of the base; that of a variant is the place of its key, from 1 on."""


def place_of(key: str) -> int:
    """The place of an experiment in the numbers of its trainings."""
    return 1 + KEYS.index(key)


@dataclass(frozen=True)
class Trained:
    """All trainings that are over, by number.

    Attributes:
        scores: of those that came to their end.
        confusions: int64 ``[C, C]`` of those whose answers were kept.
    """

    trials: Mapping[int, Trial]
    scores: Mapping[int, ScoredAnswers]
    confusions: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Paired:
    experiment: Experiment
    seeds: tuple[int, ...]
    effect: Effect


def conclude(
    config: Config,
    size: Fidelity,
    experiments: Sequence[Experiment],
    trained: Trained,
    *,
    classes: int = 10,
    not_asked: Sequence[str] = (),
    reason: str = NO_TIME,
) -> Experiments:
    """What the experiments show.

    Args:
        config: the base.
        not_asked: keys of experiments that were not to be made.
        reason: why those that were not begun were not.
    """
    measured = [m for e in experiments if (m := _measured(e, size, trained)) is not None]
    p_values = [m.effect.p for m in measured]
    corrected = zip(measured, holm(p_values), holm_levels(p_values), strict=True)
    done = {m.experiment.key for m in measured}
    reasons = dict.fromkeys(not_asked, "not asked for")
    skipped = (
        (e, _why_not(e, trained, reasons.get(e.key, reason)))
        for e in experiments
        if e.key not in done
    )
    used = sorted({seed for m in measured for seed in m.seeds} or _seeds(BASE, size, trained))
    return Experiments(
        fidelity=replace(size, seeds=len(used)) if used else None,
        base=_base(config, used, trained, classes),
        experiments=tuple(
            _row(m, p, m.effect.interval_at(level), config, size, trained, classes)
            for m, p, level in corrected
        ),
        skipped=tuple(Skipped(e.key, e.question, e.title, e.compares, why) for e, why in skipped),
    )


def verdict(difference: float, p_holm: float, seeds: int) -> str:
    """Whether the variant is better or worse; with fewer seeds than ``ENOUGH`` nothing is decided:
    two networks were compared, and the chance in their trainings is not known."""
    if seeds < ENOUGH or p_holm >= ALPHA:
        return UNDECIDED
    return BETTER if difference > 0 else WORSE


def _measured(experiment: Experiment, size: Fidelity, trained: Trained) -> _Paired | None:
    place = place_of(experiment.key)
    base = set(_seeds(BASE, size, trained))
    seeds = tuple(s for s in _seeds(place, size, trained) if s in base)
    if not seeds or experiment.reason:
        return None
    scores = trained.scores
    pairs = [(scores[s * ROUND + BASE], scores[s * ROUND + place]) for s in seeds]
    return _Paired(experiment, seeds, effect(pairs))


def _seeds(place: int, size: Fidelity, trained: Trained) -> list[int]:
    return [s for s in range(size.seeds) if s * ROUND + place in trained.scores]


def _row(
    m: _Paired,
    p_holm: float,
    adjusted: Interval,
    config: Config,
    size: Fidelity,
    trained: Trained,
    classes: int,
) -> Measured:
    e, found = m.experiment, m.effect
    numbers = [s * ROUND + place_of(e.key) for s in m.seeds]
    return Measured(
        key=e.key,
        question=e.question,
        title=e.title,
        compares=e.compares,
        changes=dict(e.changes),
        images=int(trained.trials[numbers[0]].params["images"]),
        epochs=e.epochs * size.epochs,
        parameters=size_of(config.replace(**e.changes), classes).parameters,
        scores=_scores(numbers, trained),
        accuracy=_mean(numbers, trained),
        base_accuracy=_mean([s * ROUND + BASE for s in m.seeds], trained),
        difference=found.difference,
        interval=found.interval,
        adjusted=adjusted,
        method=found.method,
        seeds=len(m.seeds),
        validation=trained.scores[numbers[0]].images,
        p=found.p,
        p_holm=p_holm,
        verdict=verdict(found.difference, p_holm, len(m.seeds)),
        seconds=_seconds(numbers, trained),
        confusions=_confusions(m, trained) if e.key == AUGMENTATION else None,
    )


def _confusions(m: _Paired, trained: Trained) -> Confusions | None:
    sums: list[Counts] = []
    for place in (BASE, place_of(m.experiment.key)):
        found = [trained.confusions.get(s * ROUND + place) for s in m.seeds]
        kept = [matrix for matrix in found if matrix is not None]
        if len(kept) < len(found):
            return None
        sums.append(tuple(map(tuple, np.sum(kept, axis=0).tolist())))
    return Confusions(*sums)


def _base(config: Config, seeds: Sequence[int], trained: Trained, classes: int) -> Base | None:
    numbers = [s * ROUND + BASE for s in seeds if s * ROUND + BASE in trained.scores]
    if not numbers:
        return None
    return Base(
        parameters=size_of(config, classes).parameters,
        scores=_scores(numbers, trained),
        accuracy=_mean(numbers, trained),
        seconds=_seconds(numbers, trained),
    )


def _scores(numbers: Sequence[int], trained: Trained) -> tuple[SeedScore, ...]:
    trials = ((trained.trials[n], trained.scores[n]) for n in numbers)
    return tuple(SeedScore(trial.seed, score.accuracy, trial.seconds) for trial, score in trials)


def _mean(numbers: Sequence[int], trained: Trained) -> float:
    return fmean(trained.scores[n].accuracy for n in numbers)


def _seconds(numbers: Sequence[int], trained: Trained) -> float:
    return round(sum(trained.trials[n].seconds or 0.0 for n in numbers), 3)


def _why_not(e: Experiment, trained: Trained, reason: str) -> str:
    """Why there is no difference to tell of."""
    if e.reason:
        return e.reason
    for number, trial in sorted(trained.trials.items()):
        failure = trial.failure
        own = number % ROUND == place_of(e.key)
        if own and failure is not None and failure.kind not in ("deadline", "interrupted"):
            return f"its training failed ({failure.kind}: {failure.message})"
    base = [t for n, t in trained.trials.items() if n % ROUND == BASE]
    if base and all(t.failure is not None and t.failure.kind != "deadline" for t in base):
        failure = base[0].failure
        assert failure is not None
        return f"the training of the base failed ({failure.kind}: {failure.message})"
    return reason
