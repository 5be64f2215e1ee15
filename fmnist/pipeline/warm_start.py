"""How a new search starts from a run that was read in: its space, and its best trials first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fmnist.config.spaces import without
from fmnist.runs.artifacts import RUN, SPACE
from fmnist.runs.folder import Run, RunError
from search.records import Trial
from search.space import SearchSpace, Value

FIRST_TRIALS = 5
# How long a trial trains is the plan's to say in a run of ours.
_NOT_OURS = ("epochs",)


@dataclass(frozen=True)
class WarmStart:
    """What an imported run gives a new search."""

    space: SearchSpace
    first_trials: tuple[dict[str, Value], ...]


def is_imported(path: Path) -> bool:
    """Whether ``path`` is the folder of a run that was read in."""
    run = Run(path)
    return run.has(RUN) and run.read(RUN).imported is not None


def load_warm_start(path: Path) -> WarmStart:
    """Space and best trials, each set of parameters once, of an imported run.

    Raises:
        RunError: one of its files is broken.
    """
    run = Run.existing(path)
    space = without(run.read(SPACE), _NOT_OURS)
    names = [p.name for p in space]
    best = [
        {name: trial.params[name] for name in names if name in trial.params}
        for trial in _ranked(run.trials())
    ]
    distinct = [p for i, p in enumerate(best) if p not in best[:i] and space.contains(p)]
    return WarmStart(space, tuple(distinct[:FIRST_TRIALS]))


def _ranked(trials: list[Trial]) -> list[Trial]:
    complete = [t for t in trials if t.state == "complete" and t.value is not None]
    return sorted(complete, key=lambda t: (-(t.value or 0.0), t.number))


def refuse_to_go_on(path: Path) -> RunError:
    """The error for a command that would go on in the folder of an imported run."""
    return RunError(
        f"{path} holds trials of another program, which are not mixed with ours; search on from "
        f"them in a run of its own: fmnist run --warm-start {path}"
    )
