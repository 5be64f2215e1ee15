"""Confirming the winner: the best candidates of the search on fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fmnist.config.toml_text import dump_config
from fmnist.errors import UserError
from fmnist.pipeline.coordination import ROUND, Coordinator
from fmnist.pipeline.stages.search import epoch_seconds, fit_cost_model
from fmnist.runs.artifacts import BEST_CONFIG, CONFIRM_TRIALS, CONFIRMATION, TRIALS
from fmnist.text import settings
from search.analysis.confirmation import candidates, conclude
from search.analysis.results import Candidate, Confirmation
from search.records import Trial, TrialLog

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context


def confirm(job: Context, coordinator: Coordinator) -> None:
    """Run the top candidates on fresh seeds, choose by their mean, write the best configuration."""
    searched = TrialLog(job.run / TRIALS)
    fallback = best_trial(searched)
    log = TrialLog(job.run / CONFIRM_TRIALS)
    k, seeds, reason = _size(job, coordinator, searched)
    if job.request.confirm:
        k, seeds, reason = coordinator.confirmation_size(job) or (k, seeds, reason)
    # Candidates of an earlier session stay, though there may be time for fewer now.
    k_so_far = max((t.number % ROUND + 1 for t in log.trials), default=0)
    start = next(iter(job.first_trials), None)
    found = candidates(searched.trials, max(k, k_so_far, 1), start) or [_alone(fallback)]
    if not job.planner.plan.searched:
        found = [_alone(_first(searched, start) or fallback)]
    if k:
        leader = f"trial {found[0].trial} of the search leads"
        job.display.confirm_started(min(k, len(found)), seeds, leader)
        job.record_reads(
            "confirm",
            "fitting the candidates on fresh seeds",
            "choosing among the candidates",
            images=job.trial_images,
        )
        coordinator.confirm(job, found[:k], seeds)
        log = TrialLog(log.path)
        job.interrupt.check()
    record = conclude(found, log.trials, searched.trials, start=start, reason=reason)
    job.run.write(CONFIRMATION, record)
    job.display.confirmed(record)
    _write_best(job, record)


def best_trial(log: TrialLog) -> Trial:
    """The complete trial of the highest validation accuracy.

    Where none ran to its end, the one that ran longest. ``UserError`` where none gave a value.
    """
    best = log.best()
    if best is not None:
        return best
    cut = [t for t in log.trials if t.state == "pruned" and t.epochs]
    if cut:
        return max(cut, key=lambda t: (len(t.epochs), t.value or 0.0))
    failures = {t.failure.message for t in log.trials if t.failure}
    raise UserError(
        f"no trial finished ({len(log.trials)} tried); give more --time or fewer --trial-epochs"
        + "".join(f"\n  {message}" for message in sorted(failures))
    )


def _first(log: TrialLog, start: Mapping[str, Any] | None) -> Trial | None:
    """The trial of the configuration that the search began with, if it has an epoch."""
    return next((t for t in log.trials if t.params == start and t.epochs), None)


def _alone(trial: Trial) -> Candidate:
    return Candidate(trial.number, trial.params, trial.value or 0.0)


def _size(job: Context, coordinator: Coordinator, searched: TrialLog) -> tuple[int, int, str]:
    """Candidates, fresh seeds each, and why there are none."""
    best = searched.best()
    if not job.request.confirm:
        recipe = job.request.recipe is not None
        return 0, 0, "the recipe does not do so" if recipe else "switched off with --no-confirm"
    if best is None:
        return 0, 0, "no trial ran to its end"
    costs = fit_cost_model(job, searched)
    cost = costs.estimate(best.params, job.planner.plan.trial_epochs)
    job.planner.search_reserve(epoch_seconds(job, best, costs), cost)
    with coordinator.workforce(job):
        k, seeds = job.planner.choose_confirmation_size(cost)
    return k, seeds, "" if k else "there was no time for it"


def _write_best(job: Context, record: Confirmation) -> None:
    winner = record.candidates[0]
    provenance = {
        "run": job.run.path.name,
        "trial": winner.trial,
        "validation_accuracy": winner.search_value,
        "confirmed_validation_accuracy": winner.mean,
        "confirmed_runs": len(winner.values),
    }
    config = job.base.replace(**winner.params, epochs=job.planner.plan.final_epochs)
    known = {k: v for k, v in provenance.items() if v is not None}
    job.run.write_text(BEST_CONFIG, dump_config(config, known))
    job.display.message(f"best configuration: {settings(winner.params)}")
