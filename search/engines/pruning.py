"""When to give a trial up: Optuna's median rule, the same for every engine."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState


def median_rule(prune: bool = True) -> optuna.pruners.BasePruner:
    """Prune what falls behind the median of at least four complete trials, from step 2 on.

    Steps count from 1: there is no verdict after the first epoch alone.
    """
    if not prune:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)


class MedianPruning:
    """``median_rule`` for an engine without Optuna: a study in memory that only prunes.

    It stores nothing: after a restart, report and end everything once more.
    """

    def __init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # Where nothing is suggested, any sampler does; this one keeps no model.
        self._study = optuna.create_study(
            storage=optuna.storages.InMemoryStorage(),
            study_name="pruning",
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=median_rule(),
        )
        self._trials: dict[int, optuna.Trial] = {}
        self._steps: set[tuple[int, int]] = set()

    def report(self, number: int, step: int, value: float) -> bool:
        """See ``Engine.report``."""
        trial = self._trial(number)
        if (number, step) not in self._steps:
            trial.report(value, step)
            self._steps.add((number, step))
        return not trial.should_prune()

    def end(self, number: int, complete: bool) -> None:
        """Close a trial; only complete ones are compared with."""
        trial = self._trial(number)
        del self._trials[number]
        # The rule looks at the steps alone; the study wants a value all the same.
        if complete:
            self._study.tell(trial, 0.0)
        else:
            self._study.tell(trial, state=TrialState.FAIL)

    def _trial(self, number: int) -> optuna.Trial:
        if number not in self._trials:
            self._trials[number] = self._study.ask()
        return self._trials[number]
