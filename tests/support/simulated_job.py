"""A job in simulated time: the real study, plan and confirmation, deciding as the stages do."""

import math
import random
import statistics
from dataclasses import dataclass, replace

from simulation import IMAGES, SHARING, SPACE, VALIDATION, Machine, RandomEngine, SimulatedRunner
from studies import study_of

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.config.config import Config
from fmnist.pipeline.planner.costs import TYPICAL_SPEED, relative_cost, slowness_of
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.profiles import FEWEST_TRIALS, profile_for
from fmnist.pipeline.planner.revision import revise_sizes
from fmnist.pipeline.planner.workload import PostSearchWorkload
from search.analysis.confirmation import candidates, conclude
from search.engines.base import Suggestion
from search.engines.fixed_list import FixedListEngine
from search.records import EpochLog, TrialLog
from search.study.scheduler import Budget, CostModel, TrialScheduler

# As measured: epochs of one network took 15, 21 or 42 seconds.
STEPS = ((1.0, 0.3), (1.4, 0.5), (2.8, 0.2))
CALM = ((1.0, 1.0),)
# Seconds on the machine that was measured: what a process imports, all before the search, the
# evaluation without its curve, one point of the curve, explanations and report.
START, BEFORE, EVALUATION, POINT, CLOSING = 6.0, 10.0, 12.0, 1.0, 18.0


@dataclass
class Scenario:
    """One kind of night; see ``Machine``.

    Attributes:
        slowness: of the machine in training, of which the preflight measures about as much.
        slow_tail: how much longer evaluation and report take than on the machine measured.
        until: the deadline is one by the wall clock.
        jumps: (seconds after the start, seconds) of the wall clock; a sleep jumps ahead.
        refit, members, mirrored: see ``fmnist.pipeline.planner.workload.PostSearchWorkload``.
    """

    total: float
    jobs: int = 1
    slowness: float = 1.0
    spread: float = 0.3
    levels: tuple = STEPS
    creep: float = 0.0
    sharing: float = SHARING
    faults: float = 0.0
    slow_tail: float = 1.0
    until: bool = False
    jumps: tuple = ()
    refit: bool = False
    members: int = 0
    mirrored: bool = False


class Job:
    """The stages of a job in simulated time, deciding as the real ones do."""

    def __init__(self, night, seed, folder):
        self.scenario, self.folder = night, folder
        self.chance = random.Random(seed)
        speed = TYPICAL_SPEED / night.slowness
        self.slow = slowness_of(speed)
        self.machine = Machine(
            self.chance,
            IMAGES / speed * math.exp(self.chance.gauss(0, 0.25)),
            night.total,
            spread=night.spread,
            levels=night.levels,
            creep=night.creep,
            sharing=night.sharing,
            faults=night.faults,
            jumps=list(night.jumps),
        )
        # The preflight measures what there is: a machine that is slow at that moment, too;
        # and, below, how long typesetting takes.
        measured = speed / self.machine.level * math.exp(self.chance.gauss(0, 0.15))
        self.workload = PostSearchWorkload(night.refit, night.members, night.mirrored)
        profile = profile_for(
            night.total,
            measured,
            jobs=night.jobs,
            trainings=self.workload.relative_cost(night.jobs),
        )
        profile = replace(profile, refit=night.refit)
        cost = relative_cost(Config(**profile.base))
        self.machine.epoch *= cost
        clock = self.machine.wall if night.until else self.machine.monotonic
        self.budget = Budget(night.total, clock=clock)
        typesetting = self.slow * night.slow_tail * math.exp(self.chance.gauss(0, 0.1))
        self.planner = TimePlanner(
            self.budget,
            profile,
            max(slowness_of(measured), typesetting),
            jobs=night.jobs,
            workload=self.workload,
        )
        self.planner.expected_epoch = IMAGES * cost / measured
        self.costs = CostModel(SPACE)

    def run(self):
        self.machine.spend(BEFORE * self.slow)
        self.search()
        self.confirm()
        self.retrain()
        self.refit()
        self.ensemble()
        self.post_search_seconds()
        return self

    def study(self, name, engine, plan, slots, whole_images=IMAGES, **options):
        start = START * self.slow
        images = self.planner.plan.trial_images
        runner = SimulatedRunner(self.machine, slots, images, start, whole_images)
        options = {"epochs": self.planner.plan.trial_epochs, "listener": Deaf(), **options}
        return study_of(
            engine=engine,
            runner=runner,
            scheduler=plan,
            log=TrialLog(self.folder / f"{name}.jsonl"),
            epoch_log=EpochLog(self.folder / f"{name}_epochs.jsonl"),
            clock=self.machine.monotonic,
            poll_seconds=self.scenario.total / 300,
            **options,
        )

    def search(self):
        plan = TrialScheduler(self.budget, self.search_reserve, self.costs)
        profile = self.planner.plan
        times = profile.most_cost / relative_cost(Config(**profile.base))
        engine = RandomEngine(self.chance, lambda params: self.machine.cost(params) <= times)
        most = self.planner.plan.max_trials
        study = self.study(
            "trials",
            engine,
            plan,
            self.scenario.jobs,
            max_failures=50,
            max_trials=most,
            listener=Revising(self),
        )
        self.log = study.log
        study.run()
        self.cut = [t for t in self.log.trials if cut_by_time(t) and t.number not in engine.stopped]

    def search_reserve(self):
        best = self.log.best()
        if best is None:
            return self.planner.search_reserve()
        enough = self.complete >= FEWEST_TRIALS
        epoch, run = self.epoch_seconds(best), self.run_seconds(best)
        return self.planner.search_reserve(epoch, run, enough_trials=enough)

    def run_seconds(self, trial):
        return self.costs.estimate(trial.params, self.planner.plan.trial_epochs)

    def epoch_seconds(self, trial):
        seconds = self.costs.seconds_per_epoch(trial.params)
        return (
            seconds * (IMAGES + VALIDATION / 3) / (self.planner.plan.trial_images + VALIDATION / 3)
        )

    def confirm(self):
        best = self.log.best()
        found = candidates(self.log.trials, 5)
        self.runs = []
        if best is None:
            self.best = max(self.log.trials, key=lambda t: len(t.epochs))
            return
        k, seeds = self.planner.choose_confirmation_size(self.run_seconds(best))
        if k:
            suggestions = [
                Suggestion(seed * 10 + place, c.params, replicate_of=c.trial)
                for seed in range(seeds)
                for place, c in enumerate(found[:k])
            ]
            plan = TrialScheduler(self.budget, self.planner.confirm_reserve, self.costs)
            engine = FixedListEngine(suggestions)
            study = self.study("confirm", engine, plan, self.scenario.jobs, max_failures=50)
            study.run()
            self.runs = study.log.trials
        record = conclude(found[: max(k, 1)], self.runs, self.log.trials)
        assert sum(len(c.runs) for c in record.candidates) == len(self.runs)
        self.best = next(t for t in self.log.trials if t.number == record.winner)

    def retrain(self):
        done = []
        plan = TrialScheduler(self.budget, lambda: self.planner.final_reserve(len(done)))

        def remaining(epochs, planned):
            done[:] = epochs
            return self.planner.final_epochs(epochs[-1].seconds, len(epochs))

        study = self.study(
            "retrain",
            FixedListEngine([Suggestion(0, self.best.params)]),
            plan,
            1,
            epochs=self.planner.final_epochs(self.epoch_seconds(self.best), 0),
            full_data=True,
            remaining=remaining,
        )
        study.run()
        (self.final,) = study.log.trials

    def refit(self):
        """As many epochs as validation chose, or none."""
        self.refitted, self.refit_begun = None, False
        if not self.workload.refit:
            return
        chosen = max(self.final.epochs, key=lambda e: (e.val_accuracy, -e.epoch)).epoch
        self.refit_begun = self.planner.refit_fits(chosen, self.full_seconds())
        if not self.refit_begun:
            return
        study = self.study(
            "refit",
            FixedListEngine([Suggestion(0, self.best.params)]),
            TrialScheduler(self.budget, self.planner.refit_reserve),
            1,
            epochs=chosen,
            full_data=True,
            whole_images=IMAGES + VALIDATION,
        )
        study.run()
        (trial,) = study.log.trials
        self.refitted = trial if len(trial.epochs) == chosen else None

    def full_seconds(self):
        seconds = statistics.fmean(e.seconds for e in self.final.epochs)
        return seconds * (IMAGES + VALIDATION) / (IMAGES + VALIDATION / 3)

    def ensemble(self):
        """Members that are trained as the final network was."""
        self.members = []
        if not self.workload.members:
            return
        final = self.refitted or self.final
        seconds = statistics.fmean(e.seconds for e in final.epochs)
        jobs = min(self.scenario.jobs, self.workload.members)
        costs = CostModel()
        epochs = len(final.epochs)
        costs.learn({}, epochs, epochs * seconds * parallel_slowdown(jobs))
        study = self.study(
            "ensemble",
            FixedListEngine(
                [Suggestion(n, self.best.params) for n in range(self.workload.members)]
            ),
            TrialScheduler(self.budget, self.planner.post_search_seconds, costs),
            jobs,
            epochs=epochs,
            full_data=True,
            whole_images=IMAGES + VALIDATION if self.refitted else IMAGES,
            max_failures=50,
        )
        study.run()
        self.members = [t for t in study.log.trials if len(t.epochs) == len(final.epochs)]

    def post_search_seconds(self):
        """Evaluation with its curve, as long as there is time for it, explanations, report."""
        s = self.scenario
        slow = self.slow * s.slow_tail * math.exp(self.chance.gauss(0, 0.1))
        workload, point = self.workload, POINT * slow
        self.machine.spend(EVALUATION * slow)
        self.machine.spend(point * (workload.forward_passes - 1) * (1 + VALIDATION / 10_000))
        self.machine.spend(point * workload.forward_passes * len(self.members))
        for _ in self.final.epochs:
            if self.budget.remaining() > self.planner.min_post_search_seconds():
                self.machine.spend(point)
        self.machine.spend(CLOSING * slow)

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
        return sum(t.state == "complete" for t in self.log.trials)

    @property
    def searched(self):
        """Images that the trials of the search were trained on."""
        return self.planner.plan.trial_images * sum(len(t.epochs) for t in self.log.trials)

    @property
    def least(self):
        """Seconds that the shortest end of a job may take from any moment on."""
        s, machine = self.scenario, self.machine
        slow = 3.0 * 1.2 * (1 + s.creep)
        epoch = machine.epoch * machine.cost(self.best.params) * slow
        trial = epoch * s.jobs**s.sharing if len(self.log.trials) < 2 * s.jobs else 0.0
        start = START * self.slow
        return (
            2 * start
            + trial
            + epoch
            + self.planner.post_search_seconds() * s.slow_tail
            + s.total / 100
        )


def cut_by_time(trial):
    """Whether a trial was begun and had no time to end, unless the engine stopped it."""
    begun = trial.failure is not None and trial.failure.message.startswith("cut off")
    return begun or trial.state == "pruned"


class Deaf:
    """A listener that does nothing."""

    def __getattr__(self, name):
        return lambda *args, **options: None


class Revising(Deaf):
    """Chooses sizes anew where trials cost another time than planned."""

    def __init__(self, job):
        self.job = job

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
