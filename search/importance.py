"""How much each hyperparameter mattered, held against what pure noise would give.

Method: PED-ANOVA (Watanabe, Bansal and Hutter, 2023) as Optuna implements it. On few trials it
hands out large importances to noise, so the same estimate is made after shuffling the values
among the trials: what stays below the 95th percentile of that is not distinguishable from noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator

from search.engines.optuna import distribution
from search.records import Trial
from search.space import SearchSpace

MINIMUM_TRIALS = 10
_PERMUTATIONS = 100


def importances(trials: Sequence[Trial], space: SearchSpace, *, seed: int = 0) -> dict[str, Any]:
    """Importances of all parameters over the complete trials, as ``importance.json`` holds them.

    Returns:
        ``applicable`` is False with a ``reason`` below ten complete trials or when all
        values are equal; ``parameters`` has ``importance`` (fractions that sum to 1), ``null_95``
        (the 95th percentile under shuffled values) and ``distinguishable``.
    """
    complete = [t for t in trials if t.state == "complete" and t.value is not None]
    values = np.array([t.value for t in complete], dtype=float)
    record: dict[str, Any] = {"schema": 1, "method": "PED-ANOVA", "trials": len(complete)}
    reason = _not_applicable(values)
    if reason:
        return {**record, "applicable": False, "reason": reason, "parameters": []}
    observed = _estimate(complete, values, space)
    rng = np.random.default_rng(seed)
    shuffled = [_estimate(complete, rng.permutation(values), space) for _ in range(_PERMUTATIONS)]
    parameters: list[dict[str, Any]] = [
        {
            "name": p.name,
            "importance": observed[p.name],
            "null_95": (limit := float(np.quantile([s[p.name] for s in shuffled], 0.95))),
            "distinguishable": observed[p.name] > limit,
        }
        for p in space
    ]
    parameters.sort(key=lambda entry: -entry["importance"])
    return {**record, "applicable": True, "reason": "", "parameters": parameters}


def _not_applicable(values: np.ndarray[Any, Any]) -> str:
    if len(values) < MINIMUM_TRIALS:
        return f"{len(values)} complete trials are too few; {MINIMUM_TRIALS} are needed"
    if np.ptp(values) == 0:
        return "all complete trials reached the same value"
    return ""


def _estimate(
    trials: Sequence[Trial], values: np.ndarray[Any, Any], space: SearchSpace
) -> dict[str, float]:
    distributions = {p.name: distribution(p) for p in space}
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(params=t.params, distributions=distributions, value=float(v))
            for t, v in zip(trials, values, strict=True)
        ]
    )
    evaluator = PedAnovaImportanceEvaluator(target_quantile=0.25)
    return {
        k: float(v)
        for k, v in optuna.importance.get_param_importances(
            study, evaluator=evaluator, params=list(distributions)
        ).items()
    }
