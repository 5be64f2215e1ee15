"""What finished runs on the same data tell a new search; their test results are not looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist.errors import UserError
from fmnist.runs.artifacts import BEST_CONFIG, PLAN, PRIOR, REPORT, RUN
from fmnist.runs.folder import Run
from fmnist.runs.listing import run_folders
from fmnist.runs.records.run import RunRecord
from fmnist.text import counted, listed, one_line
from search.engines.prior import MOST_TRIALS, Prior, PriorStudy, PriorTrial, rank_trials, thin_out
from search.space import SearchSpace

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

_MOST_RUNS, _MOST_BEST = 10, 2
_FEWEST_TRIALS = 4
_log = logging.getLogger("fmnist")

Data = tuple[str, tuple[str, ...]]
"""Digest and class names of a data set."""


@dataclass(frozen=True)
class _Earlier:
    """A finished run on the same data; ``passes``: training images that a trial of it saw."""

    run: Run
    created: str
    passes: int


def choose_prior(job: Context) -> None:
    """Leave ``prior.json`` where a search has earlier runs to learn from."""
    request = job.request
    learns = request.kind == "search" and (request.engine, request.sampler) == ("optuna", "tpe")
    if not learns or request.prior is False or not job.planner.plan.searched:
        return
    assert job.space is not None
    if (prior := load_prior(job.run, job.space, tried=job.first_trials)) is not None:
        job.run.write(PRIOR, prior)
        told = describe_prior(prior)
        job.note("preflight", f"the search learns from {told}; --no-prior: from none")


def load_prior(
    run: Run, space: SearchSpace, tried: tuple[dict[str, Any], ...] = ()
) -> Prior | None:
    """What the finished runs beside ``run`` tell of ``space``; see ``prior_in``."""
    data = run.read(RUN).data
    return prior_in(run.path.parent, (data.digest, data.class_names), space, tried, but=run.path)


def prior_in(
    results: Path,
    data: Data,
    space: SearchSpace,
    tried: tuple[dict[str, Any], ...] = (),
    *,
    but: Path | None = None,
) -> Prior | None:
    """What the finished runs in a folder tell of ``space``; None where there are none.

    Runs whose trials were the longest come first, those with equal ones by age, the newest first.
    Damaged ones, and those of a version that wrote other files, are named in the log.

    Args:
        data: that they have to be on.
        tried: parameters that are tried in any case.
        but: a run that does not count.
    """
    found = sorted(_finished(results, data, but), key=lambda e: (e.passes, e.created), reverse=True)
    if len(found) > _MOST_RUNS:
        _log.info("prior: %d further runs are left aside", len(found) - _MOST_RUNS)
    studies: list[PriorStudy] = []
    best: list[dict[str, Any]] = []
    trials: list[PriorTrial] = []
    for earlier in found[:_MOST_RUNS]:
        try:
            won, ranked = _trials_in(earlier.run, space)
        except (UserError, OSError) as error:
            _skip(earlier.run.path, error)
            continue
        if len(ranked) < _FEWEST_TRIALS:
            _skip(earlier.run.path, f"{counted(len(ranked), 'trial')} in the space of this search")
            continue
        studies.append(PriorStudy(earlier.run.path.name, len(ranked)))
        trials += ranked
        if space.contains(won) and won not in (*tried, *best):
            best.append(won)
    if not studies:
        return None
    return Prior(tuple(studies), tuple(best[:_MOST_BEST]), tuple(thin_out(trials, MOST_TRIALS)))


def _finished(results: Path, data: Data, but: Path | None) -> Iterator[_Earlier]:
    for folder in run_folders(results):
        other = Run(folder)
        if (but and folder.resolve() == but.resolve()) or not other.has(REPORT):
            continue
        try:
            record = other.read(RUN)
            if (record.data.digest, record.data.class_names) == data and _searched(record):
                sizes = other.read(PLAN).sizes
                yield _Earlier(other, record.created, sizes.trial_images * sizes.trial_epochs)
        except (UserError, OSError) as error:
            _skip(folder, error)


def _searched(record: RunRecord) -> bool:
    return record.request.kind == "search" and record.imported is None


def _trials_in(run: Run, space: SearchSpace) -> tuple[dict[str, Any], list[PriorTrial]]:
    """The winner in ``space``, and the trials that lie in it, ranked among all."""
    config, names = run.read(BEST_CONFIG).values(), [p.name for p in space]

    def projected(params: dict[str, Any]) -> dict[str, Any]:
        # What that run did not search was the same in all of its trials.
        values = {**config, **params}
        return {name: values[name] for name in names if name in values}

    ranked = [PriorTrial(projected(t.params), rank) for t, rank in rank_trials(run.trials())]
    return projected({}), [t for t in ranked if space.contains(t.params)]


def describe_prior(prior: Prior) -> str:
    """How many runs and trials there are, in words."""
    trials = counted(sum(s.trials for s in prior.studies), "trial")
    runs = counted(len(prior.studies), "earlier run")
    return f"{runs} on the same data ({listed([s.name for s in prior.studies])}; {trials})"


def _skip(folder: Path, why: object) -> None:
    _log.warning("prior: %s is left out: %s", folder.name, one_line(str(why)))
