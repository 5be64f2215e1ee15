"""The sessions of a simulated job: the command is repeated until the job is done.

What the real job has on the disk outlives a session; all else is made anew from it.
"""

import math
import random

from simulated_checks import Witness
from simulated_faults import Faults, FaultyEngine, FaultyEpochLog, FaultyTrialLog
from simulation import IMAGES, Killed, Machine, SimulatedRunner

from fmnist.cli.durations import MINIMUM_SECONDS
from fmnist.errors import UserError
from fmnist.pipeline.planner.costs import TYPICAL_SPEED, slowness_of
from fmnist.pipeline.planner.planner import TimePlanner
from fmnist.pipeline.planner.workload import PostSearchWorkload
from search.engines.fixed_list import FixedListEngine
from search.study.checkpoints import CheckpointFolder
from search.study.scheduler import Budget
from search.study.study import Study, StudyOptions

START = 6.0
"""Seconds that the imports of a process take on the machine that was measured."""
STAGES = ("preflight", "search", "confirm", "retrain", "refit", "ensemble", "evaluate", "report")
# Studies whose first epoch no night can leave out, and their stages.
NEEDED = {"trials": "search", "retrain": "retrain"}


class Sessions:
    """The sessions of a job whose stages are methods; what they leave is on the disk.

    Attributes:
        spans: stage, begin and end of what no night can leave out.
        starts: when each session began, and the seconds left then.
        outcome: "finished"; "refused" where the command was repeated too late for ``--until``;
            "no trial" where all of them failed.
    """

    def __init__(self, night, seed, folder, faults=None):
        self.scenario, self.folder, self.faults = night, folder, faults or Faults()
        self.chance = random.Random(seed)
        self.speed = TYPICAL_SPEED / night.slowness
        self.slow = slowness_of(self.speed)
        self.epoch = IMAGES / self.speed * math.exp(self.chance.gauss(0, 0.25))
        self.machine = Machine(
            self.chance,
            self.epoch,
            night.total,
            spread=night.spread,
            levels=night.levels,
            creep=night.creep,
            sharing=night.sharing,
            faults=night.faults,
            jumps=list(night.jumps),
            kills=self.faults.kills,
        )
        self.workload = PostSearchWorkload(night.refit, night.members, night.views)
        # What is on the disk: the files of the stages that are done, plan, seconds, study.
        self.done, self.plan, self.saved = set(), None, 0.0
        self.slowness, self.typesetting = 1.0, None
        self.engine, self.checkpoints = None, {}
        self.witness, self.spans, self.starts = Witness(), [], []
        self.kills = self.errors = 0
        self.outcome = ""

    # ---- sessions -----------------------------------------------------------------------------

    def run(self):
        """Repeat the command until the job is done."""
        while not self.outcome:
            try:
                self.session()
            except Killed:
                self.kills += 1
                self.stay_away()
            except OSError:
                self.errors += 1
                self.stay_away()
            except UserError:
                assert all(t.failure for t in self.log.trials)
                self.outcome = "no trial"
        return self

    def stay_away(self):
        """Nobody works until the command is repeated; checkpoints of trials may be damaged."""
        machine, kills = self.machine, self.machine.kills
        machine.kills = []
        machine.spend(self.faults.seconds_away())
        machine.kills = [k for k in kills if machine.began + k > machine.now]
        if self.faults.lose_checkpoints():
            self.checkpoints.pop("trials", None)

    def session(self):
        """What the command does when it is given, or repeated."""
        began, repeated = self.machine.now, bool(self.starts)
        left = self.machine.left() if self.scenario.until else self.scenario.total - self.saved
        if repeated and self.scenario.until and left < MINIMUM_SECONDS:
            self.outcome = "refused"
            return
        self.starts.append((began, left))
        if repeated:
            self.spend("start", START * self.slow)
        self.earlier = self.saved
        self.budget = self.budget_from(self.saved + self.machine.now - began)
        self.planner = None
        if self.plan is not None:
            self.planner = self.time_planner(self.plan.sizes)
            self.planner.resume(self.plan)
        for stage in STAGES:
            if stage not in self.done:
                self.execute(stage)
        self.outcome = "finished"

    def budget_from(self, used):
        """As ``fmnist.pipeline.clock.JobClock`` reckons."""
        if self.scenario.until:
            return Budget(self.machine.left() + used, used=used, clock=self.machine.wall)
        return Budget(self.scenario.total, used=used, clock=self.machine.monotonic)

    def time_planner(self, sizes):
        return TimePlanner(
            self.budget,
            sizes,
            self.slowness,
            rendering=self.typesetting,
            jobs=self.scenario.jobs,
            workload=self.workload,
        )

    def execute(self, stage):
        """One stage; a kill loses what was not noted of its time."""
        self.since = self.machine.now
        try:
            getattr(self, stage)()
            self.faults.call(lambda: self.done.add(stage))
        except OSError:
            self.save_progress()
            raise
        self.save_progress()
        self.earlier = self.saved

    def save_progress(self):
        """Note plan and time, as after each trial of the search and each epoch of what follows."""
        if self.planner is not None:
            self.plan = self.planner.record
        self.saved = self.earlier + self.machine.now - self.since

    def spend(self, name, seconds):
        """Do what no night can leave out."""
        began = self.machine.now
        try:
            self.machine.spend(seconds)
        finally:
            self.spans.append((name, began, self.machine.now))

    # ---- studies ------------------------------------------------------------------------------

    def journals(self, name):
        log = FaultyTrialLog(self.folder / f"{name}.jsonl", self.faults)
        epoch_log = FaultyEpochLog(self.folder / f"{name}_epochs.jsonl", self.faults)
        self.witness.open(name, log, self.machine.now)
        return log, epoch_log

    def study(self, name, journals, engine, plan, slots, whole_images=IMAGES, **options):
        """Run one to its end; the log, engine and epochs are as they were left."""
        log, epoch_log = journals
        if isinstance(engine, list):
            engine = FixedListEngine(engine, log.trials, epoch_log.unrecorded(log.trials))
        kept = self.checkpoints.setdefault(name, {})
        runner = SimulatedRunner(
            self.machine,
            slots,
            self.planner.plan.trial_images,
            START * self.slow,
            time_left=plan.time_left,
            checkpoints=kept,
            whole_images=whole_images,
            on_step=lambda time_left: self.witness.look(name, study, self, time_left),
        )
        fields = {n: options.pop(n) for n in ("listener", "remaining") if n in options}
        study = Study(
            engine=FaultyEngine(engine, self.faults),
            runner=runner,
            scheduler=plan,
            log=log,
            epoch_log=epoch_log,
            options=StudyOptions(
                **{"epochs": self.planner.plan.trial_epochs, "max_failures": 50, **options}
            ),
            checkpoints=KeptCheckpoints(kept),
            clock=self.machine.monotonic,
            **{"listener": Saving(self), **fields},
        )
        began = self.machine.now
        try:
            study.run()
        finally:
            if name in NEEDED:
                self.spans.append((NEEDED[name], began, self.machine.now))
        self.witness.close(name, study, self)
        return log.trials


class KeptCheckpoints(CheckpointFolder):
    """Checkpoints in memory: the epochs behind each, by number."""

    def __init__(self, kept):
        super().__init__()
        self.__dict__["kept"] = kept

    def epochs(self, number):
        return tuple(self.kept.get(number, ()))

    def remove(self, number):
        self.kept.pop(number, None)


class Saving:
    """A listener that notes the time: after trials, and after epochs of trainings at full size."""

    def __init__(self, job):
        self.job = job

    def trial_started(self, suggestion):
        pass

    def trial_retried(self, suggestion, failure):
        pass

    def epoch_done(self, suggestion, epoch, remaining):
        if "confirm" in self.job.done:
            self.job.faults.call(self.job.save_progress)

    def trial_done(self, trial, best, time_left):
        self.job.faults.call(self.job.save_progress)
