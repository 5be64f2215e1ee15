import json
import math

import pytest

from search.budget import Budget, SearchPlan
from search.engines.optuna import OptunaEngine
from search.records import Epoch, TrialError, TrialLog
from search.space import Float, SearchSpace
from search.study import Study, StudyError, trial_seed

SPACE = SearchSpace((Float("x", 0, 1),))
OPENED: list[OptunaEngine] = []


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Listener:
    def __init__(self):
        self.events = []

    def trial_started(self, suggestion):
        self.events.append(("start", suggestion.number))

    def epoch_done(self, suggestion, epoch):
        self.events.append(("epoch", suggestion.number, epoch.epoch))

    def trial_done(self, trial, best, time_left):
        self.events.append(("done", trial.number, trial.state))


@pytest.fixture(autouse=True)
def closed():
    """Closes every engine that ``make`` opened."""
    yield
    while OPENED:
        OPENED.pop().close()


def make(tmp_path, objective=None, *, seconds=None, clock=None, epochs=3, prune=True, **options):
    clock = clock or Clock()
    log = TrialLog(tmp_path / "trials.jsonl")
    path = tmp_path / "study.db"
    engine = OptunaEngine(path, SPACE, sampler="random", prune=prune, finished=log.trials)
    OPENED.append(engine)
    study = Study(
        engine=engine,
        objective=objective or toy(clock, epochs=epochs),
        plan=SearchPlan(Budget(seconds, clock=clock), reserve=lambda: 20.0),
        log=log,
        listener=Listener(),
        epochs=epochs,
        clock=clock,
        **options,
    )
    return study


def toy(clock, *, epochs=3, seconds=1.0):
    def objective(params, seed, on_epoch):
        for number in range(1, epochs + 1):
            clock.now += seconds
            value = params["x"] * number / epochs
            if not on_epoch(Epoch(number, value, 1 - value, value, 1 - value, seconds)):
                return

    return objective


def states(study):
    return [t.state for t in study.log.trials]


def test_every_trial_is_recorded_and_told(tmp_path):
    study = make(tmp_path, max_trials=8)
    study.run()
    assert len(study.log.trials) == 8
    counts = study.engine.counts()
    assert counts["complete"] == states(study).count("complete") > 0
    assert counts["pruned"] == states(study).count("pruned")
    done = [e for e in study.listener.events if e[0] == "done"]
    assert [e[2] for e in done] == states(study)


def test_the_log_holds_what_the_objective_reported(tmp_path):
    study = make(tmp_path, max_trials=2)
    study.run()
    lines = (tmp_path / "trials.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1]
    trial = TrialLog(tmp_path / "trials.jsonl").trials[0]
    assert trial == study.log.trials[0]
    assert trial.value == pytest.approx(trial.params["x"])
    assert [e.epoch for e in trial.epochs] == [1, 2, 3]
    assert trial.seed == trial_seed(0, 0)


def test_max_trials_counts_the_earlier_sessions(tmp_path):
    make(tmp_path, max_trials=3).run()
    again = make(tmp_path, max_trials=5)
    again.run()
    assert [t.number for t in again.log.trials] == [0, 1, 2, 3, 4]


def test_no_trial_starts_that_cannot_finish(tmp_path):
    clock = Clock()
    study = make(tmp_path, clock=clock, seconds=60.0, prune=False)
    study.run()
    assert len(study.log.trials) == 13  # 40 s less a margin, 3 s each
    assert states(study).count("failed") == 0
    assert clock.now <= 40.0


def test_a_trial_that_runs_over_is_cut_at_the_end_of_an_epoch(tmp_path):
    clock = Clock()
    study = make(tmp_path, toy(clock, seconds=25.0), clock=clock, seconds=60.0)
    study.run()
    assert states(study) == ["pruned"]
    assert clock.now == 25.0


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (TrialError("nan", "loss inf"), "nan", "loss inf"),
        (MemoryError(), "memory", "out of memory"),
        (ZeroDivisionError("oops"), "bug", "ZeroDivisionError: oops"),
    ],
)
def test_a_failing_trial_is_told_apart_and_the_study_goes_on(tmp_path, error, kind, message):
    clock = Clock()
    good = toy(clock)

    def objective(params, seed, on_epoch):
        if not study.log.trials:
            raise error
        good(params, seed, on_epoch)

    study = make(tmp_path, objective, clock=clock, max_trials=3)
    study.run()
    first = study.log.trials[0]
    assert (first.state, first.value) == ("failed", None)
    assert (first.failure.kind, first.failure.message) == (kind, message)
    assert "complete" in states(study)


@pytest.mark.parametrize("field", ["loss", "val_accuracy"])
def test_numbers_that_are_none_fail_the_trial(tmp_path, field):
    def objective(params, seed, on_epoch):
        numbers = {"accuracy": 0.1, "loss": 1.0, "val_accuracy": 0.1, "val_loss": 1.0}
        on_epoch(Epoch(epoch=1, seconds=1.0, **{**numbers, field: math.nan}))

    study = make(tmp_path, objective, max_trials=1)
    study.run()
    assert study.log.trials[0].failure.kind == "nan"


def test_a_trial_without_an_epoch_is_a_bug(tmp_path):
    study = make(tmp_path, lambda params, seed, on_epoch: None, max_trials=1)
    study.run()
    assert study.log.trials[0].failure.message == "the trial ended without a single epoch"


def test_failures_in_a_row_end_the_study(tmp_path):
    def objective(params, seed, on_epoch):
        raise TrialError("nan", "again")

    study = make(tmp_path, objective, max_trials=50, max_failures=4)
    with pytest.raises(StudyError, match="4 trials failed one after the other; the last: nan"):
        study.run()
    assert len(study.log.trials) == 4


def test_an_interrupt_loses_only_the_trial_in_flight(tmp_path):
    clock = Clock()
    good = toy(clock)

    def objective(params, seed, on_epoch):
        if len(study.log.trials) == 2:
            raise KeyboardInterrupt
        good(params, seed, on_epoch)

    study = make(tmp_path, objective, clock=clock, max_trials=4)
    with pytest.raises(KeyboardInterrupt):
        study.run()
    again = make(tmp_path, max_trials=4)
    again.run()
    assert [t.number for t in again.log.trials] == [0, 1, 3, 4]
    assert sum(again.engine.counts().values()) == 5  # the lost one counts as failed


def test_seeds_differ_between_trials_and_repeat_between_runs():
    seeds = [trial_seed(0, n) for n in range(100)]
    assert len(set(seeds)) == 100
    assert seeds[3] == trial_seed(0, 3) != trial_seed(1, 3)
