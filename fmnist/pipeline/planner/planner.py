"""How the time given is split among the stages of a run.

The search stops early enough that confirming, retraining, evaluation and report fit in; what one
stage leaves over, the next may use.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from statistics import fmean

from fmnist.backends.parallelism import parallel_slowdown
from fmnist.pipeline.planner import confirmation
from fmnist.pipeline.planner.profiles import TRIAL_OVERHEAD
from fmnist.pipeline.planner.workload import PostSearchWorkload
from fmnist.runs.records.plan import Decision, Forecast, Plan, PlannedStage, RunProfile
from fmnist.text import counted
from search.processes.supervisor import available_cores
from search.study.scheduler import Budget

# Seconds of the evaluation besides predictions, on the machine this was measured on; these, in
# epochs of the retraining (42,000 images forward).
_EVALUATION, _PREDICTIONS = 7.0, 0.35
# Seconds of explanations and report where typesetting takes its usual time: on a core, half and a
# quarter of one they took 33, 29 and 26; and what they take at least, of the same time.
_REPORT, _FASTEST_REPORT = 50.0, 0.2
# The largest shares of the time for all of this, and for explanations and report.
_TAIL_SHARE, _CLOSING_SHARE = 0.45, 0.32
# Seconds for every epoch on the test curve, on that machine; the longest curve; its largest share.
_CURVE_AN_EPOCH, _LONGEST_CURVE, _CURVE_SHARE = 1.25, 16.0, 0.015
# Most of the time before the tail that is kept for the retraining, that of a planned network too.
_RETRAIN_SHARE, _LARGEST_RETRAIN_SHARE, _LEAST_RETRAIN_SHARE = 0.6, 0.9, 0.25
# What the confirmation leaves of the retraining's share.
_KEPT = 0.75
# The same network's epochs were seen to take up to so many times the fastest one.
_SLOWEST = 2.8
# Seconds of an epoch over so many images on the machine this was measured on: a first guess, which
# only the plan that is shown before the start builds on.
_EPOCH, _EPOCH_IMAGES = 12.0, 54_000
_NOTHING = PostSearchWorkload()
_MOMENT = 0.01  # seconds: enough to start a first trial, though it is late
# How explanations and report are split in the plan that is shown.
_CLOSING_PARTS = (("explain", 0.06), ("gallery", 0.03), ("report", 0.91))


class TimePlanner:
    """Owns the split of a job's time, and keeps account of what was decided.

    Args:
        budget: of the whole job.
        plan: sizes of the parts.
        slowness: how many times slower this machine is than the one the plan was made on.
        rendering: the same of typesetting; None: as of everything else.
        jobs: trainings at once, while confirming too.
        threads: of each trial; None: as many as there are cores.
        deadline: where the time ends by the wall clock.
        confirm: whether candidates are to be confirmed.
        workload: what the retraining has to share its time with.
    """

    def __init__(
        self,
        budget: Budget,
        plan: RunProfile,
        slowness: float = 1.0,
        *,
        rendering: float | None = None,
        jobs: int = 1,
        threads: int | None = None,
        deadline: datetime | None = None,
        confirm: bool = True,
        workload: PostSearchWorkload = _NOTHING,
    ) -> None:
        self.budget, self.plan, self.slowness = budget, plan, slowness
        self.rendering = rendering or slowness
        self.workload = workload
        self.set_parallelism(jobs, threads)
        self.deadline, self.confirm = deadline, confirm
        self.decisions: list[Decision] = []
        self.expected_epoch: float | None = None  # seconds, of one of the base, by its size
        self.winner_cost: float | None = None  # in epochs of the base
        self.forecast: Forecast | None = None
        self._epoch: float | None = None
        self._run: float | None = None
        self._promised = 0.0
        self._epochs: list[float] = []
        self._noted_epochs = 0
        self._first_plan: tuple[PlannedStage, ...] | None = None

    def set_parallelism(self, jobs: int, threads: int | None = None) -> None:
        """Reckon with ``jobs`` trainings at once from here on; see the arguments of this class."""
        self.jobs, self.threads = jobs, threads or available_cores()

    def describe_parallelism(self) -> str:
        """How many trials run at once, in words."""
        threads = counted(self.threads, "thread")
        if self.jobs == 1:
            return f"one trial at a time, with {threads}"
        return f"{self.jobs} trials at once, with {threads} each"

    def post_search_seconds(self) -> float:
        """Seconds for baseline, evaluation, explanations, experiments and report."""
        return self.post_baseline_seconds() + self.workload.baseline

    def post_baseline_seconds(self) -> float:
        """The same without the baseline."""
        return self.reporting_seconds() + self.workload.ablation_seconds(self.budget.total)

    def reporting_seconds(self) -> float:
        """The same without the experiments."""
        epoch = self._epoch or self._guessed_epoch
        usual = _EVALUATION * max(0.5, self.slowness) + _PREDICTIONS * epoch
        usual += self.test_curve_seconds() + self.workload.prediction_seconds(epoch)
        return min(usual + self._closing_seconds(), _TAIL_SHARE * self._total)

    def _closing_seconds(self) -> float:
        usual = _REPORT * max(_FASTEST_REPORT, self.rendering)
        return min(usual, _CLOSING_SHARE * self._total)

    def test_curve_seconds(self) -> float:
        """Seconds for the test figures along the retraining, which nothing depends on."""
        curve = min(_LONGEST_CURVE, _CURVE_AN_EPOCH * self.plan.final_epochs)
        return min(curve * max(0.5, self.slowness), _CURVE_SHARE * self._total)

    def min_post_search_seconds(self) -> float:
        """What follows the evaluation, and a tenth, since what uses the rest could be left out."""
        return 1.1 * self._closing_seconds() + self.workload.ablation_seconds(self.budget.total)

    def search_reserve(
        self,
        best_epoch_seconds: float | None = None,
        run_seconds: float | None = None,
        *,
        enough_trials: bool = True,
    ) -> float:
        """Seconds that everything after the search needs.

        As long as there is nothing to retrain it leaves the search a moment, however late it is:
        without an epoch of one trial there would be no report.

        Args:
            best_epoch_seconds: of a retraining epoch of the best configuration, once there is one,
                as measured with ``jobs`` trainings at once.
            run_seconds: of one run of the confirmation, likewise.
            enough_trials: without them nothing is kept for a confirmation.
        """
        self._learn(best_epoch_seconds)
        self._run = run_seconds or self._run
        # Without a trial there is nothing to confirm.
        confirming = self._confirming_runs_of(self._run) if self._run and enough_trials else 0.0
        usual = confirming + self._retraining() + self.post_search_seconds()
        if self._epoch and self.budget.total is not None and not self.plan.searched:
            return self.budget.total  # the search was given back, and has its one trial
        return usual if self._epoch else min(usual, self.budget.remaining() - _MOMENT)

    def confirm_reserve(self, best_epoch_seconds: float | None = None) -> float:
        """Seconds that everything after the confirmation needs.

        Of the retraining's share it may take a little rather than end half done.
        """
        self._learn(best_epoch_seconds)
        return _KEPT * self._retraining() + self.post_search_seconds()

    def final_reserve(self, done: int) -> float:
        """Seconds to keep while the retraining is under way; one epoch it gets at any price."""
        return self.post_search_seconds() if done else -math.inf

    @property
    def _total(self) -> float:
        """Seconds of the job, without a limit infinite; none if it goes on after its deadline."""
        return math.inf if self.budget.total is None else max(0.0, self.budget.total)

    def _confirming_runs_of(self, cost: float) -> float:
        if self.budget.total is None or not self.confirm or not self.plan.searched:
            return 0.0
        return confirmation.reserve(self.budget.total, cost, self.jobs)

    def _retraining(self) -> float:
        if self._epoch is None and self.budget.total is not None:
            if self.expected_epoch is not None:
                return self._retraining_epochs_of(self.expected_epoch)
            # Without a trial there is nothing to retrain.
            return _LEAST_RETRAIN_SHARE * (self.budget.total - self.post_search_seconds())
        return self._retraining_epochs_of(self._epoch or 0.0)

    def _retraining_epochs_of(self, seconds: float) -> float:
        if self.budget.total is None:
            return 0.0
        before_tail = self.budget.total - self.post_search_seconds()
        trainings = self.plan.final_epochs * self.workload.relative_cost(self.jobs)
        found, reckoned = trainings * seconds, trainings * (self.expected_epoch or 0.0)
        most = max(_RETRAIN_SHARE * before_tail, reckoned)
        # Where trials find it cheaper than reckoned, the time is for more final epochs.
        usable = max(found, min(reckoned, self.plan.stretch * found))
        wanted = min(usable, most, _LARGEST_RETRAIN_SHARE * before_tail)
        return max(wanted, min(_SLOWEST * seconds, 0.8 * before_tail))

    def _learn(self, best_epoch_seconds: float | None) -> None:
        if best_epoch_seconds:
            self._epoch = best_epoch_seconds / parallel_slowdown(self.jobs)

    def choose_confirmation_size(self, cost_of_run: float) -> tuple[int, int]:
        """How many candidates on how many fresh seeds each; (0, 0) where there is no time.

        Args:
            cost_of_run: seconds of one run, with ``jobs`` of them at once.
        """
        if self.budget.total is None:
            return confirmation.WITHOUT_LIMIT
        if not self.plan.searched:
            self.note("confirm", "skipped: with one trial there is nothing to choose")
            return confirmation.NONE
        left = self.budget.remaining() - self.post_search_seconds() - self._retraining()
        # Where the search left more than was planned, the retraining cannot use it all.
        spare = left - (self.plan.stretch - 1) * self._retraining()
        jobs = self.jobs
        chosen = confirmation.largest_affordable(self.budget.total, cost_of_run, jobs, left, spare)
        smallest = confirmation.wall_seconds(confirmation.SMALLEST, cost_of_run, jobs)
        # Rather than not at all it takes a little of the retraining's share.
        reach = max(left, self.budget.remaining() - self.confirm_reserve())
        if chosen == confirmation.NONE and smallest > reach:
            text = f"skipped: four runs of {cost_of_run:.0f} s do not fit"
        else:
            chosen = max(chosen, confirmation.SMALLEST)
            text = f"{chosen[0]} candidates on {chosen[1]} seeds, {cost_of_run:.0f} s a run"
        self.note("confirm", f"{text}; {max(0.0, left):.0f} s are left")
        return chosen

    def final_epochs(self, seconds_per_epoch: float, done: int) -> int:
        """Epochs of the retraining still to come, at least one in all.

        Args:
            seconds_per_epoch: of the latest epoch; before the first, what the trials promise.
            done: epochs behind it.
        """
        if self.budget.total is None:
            return max(0, self.plan.final_epochs - done)
        if done:
            self._epochs.append(seconds_per_epoch)
            self._promised = self._promised or seconds_per_epoch
        else:
            self._promised = seconds_per_epoch / parallel_slowdown(self.jobs)
        most = math.floor(self.plan.final_epochs * self.plan.stretch) - done
        recent = self._epochs[-3:] or [self._promised]
        # What the trials promised counts less with each epoch, and the latest ones count twice.
        expected = fmean([self._promised] * max(0, 3 - done) + self._epochs + recent)
        # The last epoch may be as slow as the latest; slower still, it is cut off.
        risk = max(0.0, recent[-1] - expected)
        self._epoch = expected
        fitting = (self.budget.remaining() - self.post_search_seconds() - risk) / expected
        # Refit and members take as many epochs as there will have been, those done included.
        in_all = (fitting + done) / self.workload.relative_cost(self.jobs)
        remaining = max(0 if done else 1, min(most, math.floor(in_all - done)))
        self._note_epochs(done + remaining, expected)
        return remaining

    def refit_reserve(self) -> float:
        """Seconds to keep while the refit is under way: it goes before the experiments."""
        return self.reporting_seconds() + self.workload.baseline

    def refit_fits(self, epochs: int, seconds: float) -> bool:
        """Whether so many epochs on all images fit, of so many seconds each."""
        left = self.budget.remaining() - self.refit_reserve()
        if epochs * seconds <= left:
            return True
        needed = f"{counted(epochs, 'epoch')} of about {seconds:.0f} s"
        self.note("refit", f"left out: {needed} do not fit; {max(0.0, left):.0f} s are left")
        return False

    def _note_epochs(self, total: int, seconds: float) -> None:
        if abs(total - self._noted_epochs) >= max(2, 0.2 * total):
            self._noted_epochs = total
            planned = f"{self.record.winner_epochs} planned"
            self.note("retrain", f"{total} epochs of about {seconds:.0f} s fit; {planned}")

    def note(self, event: str, text: str) -> None:
        """Remember a decision of stage ``event``."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.decisions.append(Decision(at, round(self.budget.elapsed(), 1), event, text))

    def keep_first_plan(self) -> None:
        """Tell the plan as it was at the start from here on, whatever is revised."""
        self._first_plan = self.planned

    def resume(self, record: Plan) -> None:
        """Go on from the ``record`` of an earlier session: its plan is told, its decisions too."""
        self._first_plan, self.forecast = record.planned, record.forecast
        self.expected_epoch, self.winner_cost = record.epoch_seconds, record.winner_cost
        self.decisions = [*record.decisions, *self.decisions]

    @property
    def record(self) -> Plan:
        """The plan at the start, and what became of it."""
        return Plan(
            deadline=self.deadline.isoformat(timespec="seconds") if self.deadline else None,
            budget_seconds=self.budget.total,
            sizes=self.plan,
            jobs=self.jobs,
            threads=self.threads,
            planned=self.planned,
            decisions=tuple(self.decisions),
            forecast=self.forecast,
            epoch_seconds=self.expected_epoch,
            winner_cost=self.winner_cost,
        )

    @property
    def _guessed_trial(self) -> float:
        """Seconds of a trial alone, before there was one."""
        passes = self.plan.trial_images * self.plan.trial_epochs
        return passes / _EPOCH_IMAGES * self._guessed_epoch + TRIAL_OVERHEAD * self.slowness

    @property
    def _guessed_epoch(self) -> float:
        """Seconds of an epoch of the retraining, before there was a trial."""
        return self.expected_epoch or _EPOCH * self.slowness

    @property
    def expected_trials(self) -> int:
        """How many trials the search should complete, by the plan."""
        seconds = next((p.seconds or 0.0 for p in self.planned if p.stage == "search"), 0.0)
        one = self._guessed_trial * parallel_slowdown(self.jobs)
        fitting = math.floor(max(0.0, self.jobs * seconds / one))
        return fitting if self.plan.searched else min(fitting, 1)

    @property
    def planned(self) -> tuple[PlannedStage, ...]:
        """The split as it looks before anything has run; empty without a limit."""
        if self._first_plan is not None or self.budget.total is None:
            return self._first_plan or ()
        plan, epoch = self.plan, self._guessed_epoch
        run = plan.trial_epochs * epoch * plan.trial_images / _EPOCH_IMAGES
        confirm, retrain = self._confirming_runs_of(run), self._retraining_epochs_of(epoch)
        if not self.plan.searched:
            retrain = self.budget.total - self._guessed_trial - self.post_search_seconds()
        shares = self.workload.cost_by_stage(self.jobs)
        load = self.workload.relative_cost(self.jobs)
        parts = [
            ("search", self.budget.total - confirm - retrain - self.post_search_seconds()),
            ("confirm", confirm),
            *((name, retrain * part / load) for name, part in shares.items()),
            ("evaluate", self.reporting_seconds() - self._closing_seconds()),
            *((name, share * self._closing_seconds()) for name, share in _CLOSING_PARTS),
        ]
        if self.workload.baseline:
            parts.insert(-1 - len(_CLOSING_PARTS), ("baseline", self.workload.baseline))
        if more := self.workload.ablation_seconds(self.budget.total):
            parts.insert(-1, ("experiments", more))
        return tuple(PlannedStage(name, round(max(0.0, seconds), 1)) for name, seconds in parts)
