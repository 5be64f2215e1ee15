"""Which engines there are and what each can sample with. Loads no engine."""

from __future__ import annotations

from typing import Final

SAMPLERS_OF: Final[dict[str, tuple[str, ...]]] = {
    "optuna": ("tpe", "random", "grid", "cmaes"),
    "keras-tuner": ("bayesian", "random", "hyperband", "grid"),
}
"""Samplers by engine; the first is its default."""

GRID_POINTS: Final = 3
"""How many values of a number a grid has; of a category it has all."""


def check_sampler(engine: str, sampler: str) -> None:
    """Raise ``ValueError`` unless ``engine`` has ``sampler``; the message says what there is."""
    if engine not in SAMPLERS_OF:
        raise ValueError(f"engine must be one of {', '.join(SAMPLERS_OF)}, but got {engine!r}")
    if sampler not in SAMPLERS_OF[engine]:
        raise ValueError(
            f"sampler of {engine} must be one of {', '.join(SAMPLERS_OF[engine])}, "
            f"but got {sampler!r}"
        )


PRUNERS: Final = ("median", "halving", "hyperband", "none")
"""Rules by name, for every engine; the first is the default."""


def check_pruner(name: str) -> None:
    """Raise ``ValueError`` unless there is such a pruner; the message says what there is."""
    if name not in PRUNERS:
        raise ValueError(f"pruner must be one of {', '.join(PRUNERS)}, but got {name!r}")
