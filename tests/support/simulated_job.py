"""A job in simulated time: the real study, plan and confirmation, deciding as the stages do."""

import math
import statistics

from simulated_engine import SPACE, RandomEngine
from simulated_sessions import Saving, Sessions
from simulation import IMAGES, VALIDATION

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.pipeline.coordination import ROUND, confirmation_runs
from fmnist.pipeline.planner.costs import relative_cost, slowness_of
from fmnist.pipeline.planner.profiles import profile_for
from fmnist.pipeline.planner.revision import give_back, revise_sizes
from fmnist.pipeline.stages.confirm import _alone, _first, best_trial
from fmnist.pipeline.stages.retrain import best_epoch
from fmnist.pipeline.stages.search import enough_to_confirm
from search.analysis.confirmation import candidates, conclude
from search.engines.base import Suggestion
from search.study.scheduler import CostModel, TrialScheduler
from search.tasks import Limits

# Seconds on the machine that was measured: all before the search, the evaluation without
# predictions, one point of its curve; predictions in epochs; how long typesetting takes there, and
# explanations and report for that.
BEFORE, EVALUATION, POINT, PREDICTIONS = 10.0, 5.0, 1.0, 0.3
TYPESETTING, CLOSING = 0.5, 30.0


class Job(Sessions):
    """The stages of a job in simulated time, deciding as the real ones do."""

    # ---- stages -------------------------------------------------------------------------------

    def preflight(self):
        """Measure what there is: a machine that is slow at that moment, too; and typesetting."""
        night, total = self.scenario, self.budget.total
        measured = self.speed / self.machine.level * math.exp(self.chance.gauss(0, 0.15))
        further = {"refit": night.refit, "members": night.members}
        profile = profile_for(total, measured, jobs=night.jobs, **further)
        cost = relative_cost(Config(**profile.base))
        self.machine.epoch = self.epoch * cost
        self.typesetting = TYPESETTING * self.slow * night.slow_tail
        self.typesetting *= math.exp(self.chance.gauss(0, 0.1))
        self.slowness = max(slowness_of(measured), self.typesetting)
        self.planner = self.time_planner(profile)
        self.planner.expected_epoch = IMAGES * cost / measured
        self.spend("start", BEFORE * self.slow)
        self.plan = self.planner.record

    def search(self):
        journals = self.log, _ = self.journals("trials")
        self.costs, self.latest = self.fitted_costs(), (None, ())
        plan = TrialScheduler(self.budget, self.search_reserve, self.costs)
        profile = self.planner.plan
        if self.engine is None:
            times = profile.most_cost / relative_cost(Config(**profile.base))
            self.engine = RandomEngine(
                self.chance, lambda params: self.machine.cost(params) <= times
            )
        self.study(
            "trials",
            journals,
            self.engine,
            plan,
            self.scenario.jobs,
            max_trials=profile.max_trials,
            listener=Revising(self),
        )
        states = [t.state for t in self.log.trials]
        if self.planner.plan.searched and not enough_to_confirm(states):
            give_back(self.planner, self.log.complete)
        assert len(self.log.trials) == self.engine.count, "the study has trials the log has not"
        self.cut = [
            t for t in self.log.trials if cut_by_time(t) and t.number not in self.engine.stopped
        ]

    def search_reserve(self):
        best = self.log.best()
        if best is None:
            return self.planner.search_reserve()
        enough = enough_to_confirm([t.state for t in self.log.trials])
        return self.planner.search_reserve(*self.seconds_of(best), enough_trials=enough)

    def seconds_of(self, best):
        """Of an epoch and of a run of the best trial; worked out once a trial, for speed."""
        known, seconds = self.latest
        if known != len(self.log.trials):
            run = self.costs.estimate(best.params, self.planner.plan.trial_epochs)
            seconds = self.epoch_seconds(best, self.costs), run
            self.latest = len(self.log.trials), seconds
        return seconds

    def epoch_seconds(self, trial, costs):
        seconds = costs.seconds_per_epoch(trial.params)
        return (
            seconds * (IMAGES + VALIDATION / 3) / (self.planner.plan.trial_images + VALIDATION / 3)
        )

    def confirm(self):
        self.log, _ = self.journals("trials")
        journals = log, _ = self.journals("confirm")
        fallback, best = best_trial(self.log), self.log.best()
        k = 0
        if best is not None:
            costs = self.fitted_costs()
            cost = costs.estimate(best.params, self.planner.plan.trial_epochs)
            self.planner.search_reserve(self.epoch_seconds(best, costs), cost)
            k, seeds = self.planner.choose_confirmation_size(cost)
        # Candidates of an earlier session stay, though there may be time for fewer now.
        so_far = max((t.number % ROUND + 1 for t in log.trials), default=0)
        found = candidates(self.log.trials, max(k, so_far, 1))
        if not self.planner.plan.searched:
            start = next((t.params for t in self.log.trials if t.number == 0), None)
            found = [_alone(_first(self.log, start) or fallback)]
        if k:
            runs = [
                Suggestion(number, c.params, replicate_of=c.trial)
                for number, c in confirmation_runs(found[:k], seeds)
            ]
            plan = TrialScheduler(self.budget, self.planner.confirm_reserve, costs)
            self.study("confirm", journals, runs, plan, self.scenario.jobs)
        self.runs, self.best = log.trials, fallback
        if found:
            record = conclude(found, self.runs, self.log.trials)
            assert sum(len(c.runs) for c in record.candidates) == len(self.runs)
            self.best = next(t for t in self.log.trials if t.number == record.winner)

    def retrain(self):
        journals = _, epoch_log = self.journals("retrain")
        plan = TrialScheduler(self.budget, lambda: self.planner.final_reserve(len(epoch_log.of(0))))
        seconds = self.epoch_seconds(self.best, self.fitted_costs())
        (self.final,) = self.study(
            "retrain",
            journals,
            [Suggestion(0, self.best.params)],
            plan,
            1,
            epochs=self.planner.final_epochs(seconds, 0),
            remaining=lambda epochs, _: self.planner.final_epochs(epochs[-1].seconds, len(epochs)),
            **full_training(seconds),
        )

    def refit(self):
        """As many epochs as validation chose, or none."""
        self.refitted, self.refit_begun = None, False
        if not self.workload.refit:
            return
        journals = log, epoch_log = self.journals("refit")
        chosen = best_epoch(self.final)
        seconds = statistics.fmean(e.seconds for e in self.final.epochs)
        seconds *= (IMAGES + VALIDATION) / (IMAGES + VALIDATION / 3)
        begun = log.trials or epoch_log.min_next_number() > 0
        self.refit_begun = begun or self.planner.refit_fits(chosen, seconds)
        if self.refit_begun:
            (trial,) = self.study(
                "refit",
                journals,
                [Suggestion(0, self.best.params)],
                TrialScheduler(self.budget, self.planner.refit_reserve),
                1,
                epochs=chosen,
                whole_images=IMAGES + VALIDATION,
                **full_training(seconds),
            )
            self.refitted = trial if len(trial.epochs) == chosen else None

    def ensemble(self):
        """Members that are trained as the final network was."""
        self.members = []
        if not self.workload.members:
            return
        final = self.refitted or self.final
        seconds = statistics.fmean(e.seconds for e in final.epochs)
        jobs = min(self.scenario.jobs, self.workload.members)
        costs, epochs = CostModel(), len(final.epochs)
        costs.learn({}, epochs, epochs * seconds * parallel_slowdown(jobs))
        trials = self.study(
            "ensemble",
            self.journals("ensemble"),
            [Suggestion(n, self.best.params) for n in range(self.workload.members)],
            TrialScheduler(self.budget, self.planner.post_search_seconds, costs),
            jobs,
            epochs=epochs,
            whole_images=IMAGES + VALIDATION if self.refitted else IMAGES,
            **full_training(seconds * jobs),
        )
        self.members = [t for t in trials if len(t.epochs) == epochs]

    def evaluate(self):
        """Evaluation with its curve, as long as there is time for it."""
        slow = self.tail = self.slow * self.scenario.slow_tail * math.exp(self.chance.gauss(0, 0.1))
        views = self.workload.views
        further = POINT * (views - 1) * (1 + VALIDATION / 10_000)
        members = POINT * views * len(self.members)
        predictions = PREDICTIONS * statistics.fmean(e.seconds for e in self.final.epochs)
        measured = self.slowness * (EVALUATION + further + members) + predictions
        measured += self.typesetting * CLOSING
        self.left_for_report = self.budget.remaining(), measured
        self.spend("evaluate", (EVALUATION + further) * slow + predictions)
        self.spend("members", members * slow)
        for _ in self.final.epochs:
            if self.budget.remaining() > self.planner.min_post_search_seconds():
                self.machine.spend(POINT * slow)

    def report(self):
        """Explanations and report."""
        self.spend("report", CLOSING * TYPESETTING * self.tail)
        self.witness.conclude(self)

    def fitted_costs(self):
        """What trials cost, by those in the log."""
        costs = CostModel(SPACE)
        for trial in self.log.trials:
            costs.learn_from(trial)
        return costs

    # ---- what became of it --------------------------------------------------------------------

    @property
    def late(self):
        """Seconds after the deadline."""
        return -self.budget.remaining()

    @property
    def used(self):
        """Share of the time from the start to the deadline that the job took."""
        took = self.machine.now - self.machine.began
        return took / (took + self.budget.remaining())

    @property
    def finished(self):
        """Trials of the search that ended before its time was over."""
        return len([t for t in self.log.trials if t not in self.cut and t.failure is None])

    @property
    def complete(self):
        """Trials of the search that ran to their end."""
        return self.log.complete

    @property
    def searched(self):
        """Images that the trials of the search were trained on."""
        return self.planner.plan.trial_images * sum(len(t.epochs) for t in self.log.trials)


def full_training(seconds):
    """Options of one on all images, whose epochs should take so many seconds."""
    return {"full_data": True, "limits": Limits(progress_timeout=max(120.0, 5 * seconds))}


def cut_by_time(trial):
    """Whether a trial was begun and had no time to end, unless the engine stopped it."""
    begun = trial.failure is not None and trial.failure.message.startswith("cut off")
    return begun or trial.state == "pruned"


class Revising(Saving):
    """Chooses sizes anew where trials cost another time than planned."""

    def trial_done(self, trial, best, time_left):
        if trial.state == "complete":
            job, size = self.job, self.job.planner.plan.trial_images + VALIDATION / 3
            revise_sizes(
                job.planner,
                [e.seconds for e in trial.epochs],
                scale=(IMAGES + VALIDATION / 3) / size,
                cost=job.machine.cost(trial.params),
                finished=job.complete,
            )
        super().trial_done(trial, best, time_left)
