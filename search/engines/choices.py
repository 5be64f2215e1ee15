"""Which engines, samplers and pruners there are, by name, and what they are called in prose.

Loads no engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

ENGINES: Final = {"optuna": "Optuna", "keras-tuner": "KerasTuner"}
SAMPLERS: Final = {
    "tpe": "tree-structured Parzen estimator (TPE)",
    "random": "random search",
    "grid": "grid search",
    "cmaes": "CMA-ES",
    "bayesian": "Bayesian optimisation with a Gaussian process",
    "hyperband": "Hyperband",
}
SAMPLERS_OF: Final[dict[str, tuple[str, ...]]] = {
    "optuna": ("tpe", "random", "grid", "cmaes"),
    "keras-tuner": ("bayesian", "random", "hyperband", "grid"),
}
"""Samplers by engine; the first is its default."""

PRUNERS: Final = {
    "median": "the median rule",
    "halving": "successive halving",
    "hyperband": "Hyperband",
    "none": "no pruning",
}
"""Rules for every engine."""
DEFAULT_PRUNER: Final = "median"

GRID_POINTS: Final = 3
"""How many values of a number a grid has; of a category it has all."""


def check_sampler(engine: str, sampler: str) -> None:
    """Raise ``ValueError`` unless ``engine`` has ``sampler``; the message says what there is."""
    _check("engine", engine, SAMPLERS_OF)
    _check(f"sampler of {engine}", sampler, SAMPLERS_OF[engine])


def check_pruner(name: str) -> None:
    """Raise ``ValueError`` unless there is such a pruner; the message says what there is."""
    _check("pruner", name, PRUNERS)


def _check(what: str, name: str, names: Iterable[str]) -> None:
    if name not in names:
        raise ValueError(f"{what} must be one of {', '.join(names)}, but got {name!r}")
