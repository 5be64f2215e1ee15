"""The ensemble: further networks beside the final one, whose probabilities are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.pipeline.final_training import EpochProgressListener, FinalTraining, diff_from_base
from fmnist.pipeline.stages.refit import full_epoch_seconds, refitted
from fmnist.pipeline.stages.retrain import best_epoch
from fmnist.pipeline.stages.search import fit_cost_model
from fmnist.runs.artifacts import CONFIRMATION, ENSEMBLE, HISTORY, TRIALS
from fmnist.runs.config_source import load_config
from fmnist.runs.records.final_model import LeftOut, TrainedEnsemble, TrainedMember
from search.engines.base import Suggestion
from search.records import Trial, TrialLog
from search.study.running_trial import trial_seed
from search.study.scheduler import CostModel, TrialScheduler
from search.study.study import StudyError

if TYPE_CHECKING:
    from fmnist.pipeline.context import Context

FOLDER = "ensemble"
_FIRST = 2  # the final model is the first member


@dataclass(frozen=True)
class _Recipe:
    """How the members are trained: as the final model was.

    Attributes:
        config: of the final model.
        epochs: of each; validation chooses one of them unless the validation images are learnt.
        seconds: of one, alone with all cores.
    """

    config: Config
    epochs: int
    seconds: float
    with_validation: bool


def ensemble(job: Context) -> None:
    """Train the members, save those that come to their end, say what became of the others."""
    recipe = _recipe(job)
    training = FinalTraining(
        job,
        "ensemble",
        job.trial_folder / "ensemble",
        _members(job, recipe.config),
        with_validation=recipe.with_validation,
    )
    if len(training.log.trials) < len(training.trainings):
        _train(job, training, recipe)
    job.workers.close()
    ended = {t.number: t for t in training.log.trials}
    members, left_out = [], []
    for member in training.trainings:
        trial = ended.get(member.number)
        reason = _why_not(trial, recipe)
        if trial is None or reason:
            left_out.append(LeftOut(member.number, reason))
            job.note("ensemble", f"member {member.number} is left out: {reason}")
        else:
            members.append(_saved(job, training, recipe, member, trial))
    left = tuple(left_out)
    wanted = 1 + job.planner.workload.members
    record = TrainedEnsemble(wanted, training.images, recipe.epochs, tuple(members), left)
    job.run.write(ENSEMBLE, record)
    training.forget()


def _recipe(job: Context) -> _Recipe:
    history = job.run.read(HISTORY)
    refit = refitted(job)
    epochs = history.chosen_epoch if refit else len(history.epochs)
    alone = full_epoch_seconds(job, history) if refit else history.epoch_seconds
    return _Recipe(load_config(job.run.path), epochs, alone, refit)


def _members(job: Context, config: Config) -> list[Suggestion]:
    """The candidates behind the winner in their order, then the winner on further seeds."""
    count = job.planner.workload.members
    confirmation = job.run.get(CONFIRMATION)
    candidates = confirmation.candidates if confirmation else ()
    found = [
        Suggestion(number, c.params, replicate_of=c.trial)
        for number, c in enumerate(candidates[1 : count + 1], start=_FIRST)
    ]
    winner = candidates[0].trial if candidates else None
    own = diff_from_base(job, config)
    seeds = range(_FIRST + len(found), _FIRST + count)
    return found + [Suggestion(n, own, replicate_of=winner) for n in seeds]


def _train(job: Context, training: FinalTraining, recipe: _Recipe) -> None:
    if not training.begun:
        _record_reads(job, recipe)
    jobs = max(1, min(job.planner.jobs, len(training.trainings)))
    plan = TrialScheduler(job.budget, job.planner.post_search_seconds, _costs(job, recipe, jobs))
    try:
        training.run(
            plan,
            epochs=recipe.epochs,
            seed_of=lambda number: trial_seed(job.request.seed, number, "ensemble"),
            listener=EpochProgressListener(job, lambda number: f"member {number}"),
            seconds=recipe.seconds * jobs,
            jobs=jobs,
        )
    except StudyError as error:
        job.note("ensemble", f"the ensemble ended early: {error}")


def _record_reads(job: Context, recipe: _Recipe) -> None:
    fitting, scoring = "fitting the members of the ensemble", "choosing each member's epoch"
    if recipe.with_validation:
        fitting = scoring = f"{fitting}; nothing is chosen"
    job.record_reads("ensemble", fitting, scoring)


def _costs(job: Context, recipe: _Recipe, jobs: int) -> CostModel:
    """What a member costs: as the search has it, in proportion to what the winner's epochs took."""
    seconds = recipe.seconds * parallel_slowdown(jobs)
    log = TrialLog(job.run / TRIALS)
    if not log.trials:
        costs = CostModel()
        costs.learn({}, recipe.epochs, recipe.epochs * seconds)
        return costs
    expected = fit_cost_model(job, log).seconds_per_epoch(recipe.config.to_dict())
    return fit_cost_model(job, log, seconds / expected if expected else 1.0)


def _why_not(trial: Trial | None, recipe: _Recipe) -> str:
    """Why a member cannot be used; empty where it can."""
    if trial is not None and trial.failure is not None and trial.failure.kind != "deadline":
        return f"it failed ({trial.failure.kind}: {trial.failure.message})"
    whole = trial is not None and len(trial.epochs) >= recipe.epochs
    return "" if whole else "there was no time for it"


def _saved(
    job: Context, training: FinalTraining, recipe: _Recipe, member: Suggestion, trial: Trial
) -> TrainedMember:
    """Save the network of a member."""
    epoch = len(trial.epochs) if recipe.with_validation else best_epoch(trial)
    config = recipe.config.replace(**member.params)
    name = f"{FOLDER}/member_{member.number}.keras"
    training.save_model(name, config, member.number, epoch)
    validated = None if recipe.with_validation else trial.epochs[epoch - 1].val_accuracy
    return TrainedMember(
        member=member.number,
        file=name,
        trial=member.replicate_of,
        seed=trial.seed,
        params=member.params,
        epoch=epoch,
        seconds=trial.seconds,
        validation_accuracy=validated,
        test_time_flip=config.test_time_flip,
        test_time_shift=config.test_time_shift,
    )
