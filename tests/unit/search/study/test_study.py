import errno
import json
import math
import shutil

import pytest
from engine_bench import counts
from fake_runner import Clock, Inline, epoch, toy
from studies import study_of

from search.engines import open_engine
from search.engines.base import Engine, Suggestion
from search.engines.fixed_list import FixedListEngine
from search.records import EpochLog, Failure, FailureKind, TrialError, TrialLog
from search.space import Float, SearchSpace
from search.study.running_trial import trial_seed
from search.study.scheduler import Budget, TrialScheduler
from search.study.study import StudyError
from search.tasks import Limits

SPACE = SearchSpace((Float("x", 0, 1),))
OPENED: list[Engine] = []


class Listener:
    def __init__(self):
        self.events = []

    def trial_started(self, suggestion):
        self.events.append(("start", suggestion.number))

    def epoch_done(self, suggestion, epoch, remaining):
        self.events.append(("epoch", suggestion.number, epoch.epoch, remaining))

    def trial_retried(self, suggestion, failure):
        self.events.append(("retry", suggestion.number, failure.kind))

    def trial_done(self, trial, best, time_left):
        self.events.append(("done", trial.number, trial.state))


@pytest.fixture(autouse=True)
def closed():
    """Closes every engine that ``make`` opened."""
    yield
    while OPENED:
        OPENED.pop().close()


def make(
    tmp_path,
    objective=None,
    *,
    seconds=None,
    clock=None,
    pruner="median",
    jobs=1,
    engine=None,
    **options,
):
    clock = clock or Clock()
    log, epoch_log = TrialLog(tmp_path / "trials.jsonl"), EpochLog(tmp_path / "epochs.jsonl")
    if engine is None:
        options_of_engine = {"sampler": "random", "pruner": pruner, "finished": log.trials}
        engine = open_engine("optuna", tmp_path, SPACE, **options_of_engine)
        OPENED.append(engine)
    return study_of(
        engine=engine,
        runner=Inline(objective or toy(clock), jobs),
        scheduler=TrialScheduler(Budget(seconds, clock=clock), reserve=lambda: 20.0),
        log=log,
        epoch_log=epoch_log,
        listener=Listener(),
        clock=clock,
        **{"epochs": 3, **options},
    )


def states(study):
    return [t.state for t in study.log.trials]


def failing_first(failure, then=None):
    """The first task fails after ``then`` epochs or at once, the others are toys."""
    clock = Clock()
    good, seen = toy(clock), []

    def objective(task):
        seen.append(task)
        if len(seen) == 1:
            for number in range(1, (then or 0) + 1):
                yield epoch(number, 0.1)
            yield failure
        else:
            yield from good(task)

    return objective


def test_every_trial_is_recorded_and_told(tmp_path):
    study = make(tmp_path, max_trials=14)
    study.run()
    assert len(study.log.trials) == 14
    told = counts(study.engine)
    assert told["complete"] == states(study).count("complete") > 0
    assert told["pruned"] == states(study).count("pruned")
    assert {t.stopped_by for t in study.log.trials if t.state == "pruned"} == {"pruner"}
    assert {t.stopped_by for t in study.log.trials if t.state != "pruned"} == {""}
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
    assert (trial.seconds, trial.peak_memory) == (3.0, 1000)


def test_every_epoch_is_journalled_as_it_happens(tmp_path):
    study = make(tmp_path, max_trials=2, pruner="none")
    study.run()
    rows = [json.loads(line) for line in (tmp_path / "epochs.jsonl").read_text().splitlines()]
    assert [(r["trial"], r["epoch"]) for r in rows] == [(n, e) for n in (0, 1) for e in (1, 2, 3)]


def test_several_trials_run_at_once(tmp_path):
    study = make(tmp_path, jobs=3, max_trials=7, pruner="none")
    study.run()
    kinds = [e[0] for e in study.listener.events]
    assert kinds[:3] == ["start"] * 3
    assert sorted(t.number for t in study.log.trials) == list(range(7))
    assert states(study) == ["complete"] * 7


def test_max_trials_counts_the_earlier_sessions(tmp_path):
    make(tmp_path, max_trials=3).run()
    again = make(tmp_path, max_trials=5)
    again.run()
    assert [t.number for t in again.log.trials] == [0, 1, 2, 3, 4]


def test_no_trial_starts_that_cannot_finish(tmp_path):
    clock = Clock()
    study = make(tmp_path, clock=clock, seconds=60.0, pruner="none")
    study.run()
    assert set(states(study)) == {"complete"}
    assert 30.0 <= clock.now <= 40.0  # 20 s are reserved


def test_a_suggestion_that_does_not_fit_is_withdrawn(tmp_path):
    clock = Clock()

    def objective(task):
        yield from toy(clock, seconds=2.0 if task.params["x"] < 0.5 else 30.0)(task)

    params = [{"x": x} for x in (0.1, 0.2, 0.3, 0.15, 0.25, 0.9, 0.8, 0.95, 0.1)]
    engine = FixedListEngine([Suggestion(n, p) for n, p in enumerate(params)])
    study = make(tmp_path, objective, clock=clock, seconds=140.0, engine=engine)
    study.run()
    last = study.log.trials[-1]
    assert states(study)[:5] == ["complete"] * 5
    assert clock.now <= 120.0
    assert last.state in ("failed", "pruned")


def test_a_trial_that_runs_over_is_cut_at_the_end_of_an_epoch(tmp_path):
    clock = Clock()
    study = make(tmp_path, toy(clock, seconds=25.0), clock=clock, seconds=60.0)
    study.run()
    assert states(study) == ["pruned"]
    assert [t.stopped_by for t in TrialLog(study.log.path).trials] == ["clock"]
    assert clock.now == 25.0


@pytest.mark.parametrize("kept_afterwards", [20.0, 0.0])
def test_the_end_of_the_time_ends_a_silent_trial(tmp_path, kept_afterwards):
    clock = Clock()

    class Silent(Inline):
        def wait(self, seconds):
            clock.now += 10.0
            return [] if clock.now < 60 else super().wait(seconds)

    study = make(tmp_path, clock=clock, seconds=60.0)
    study.runner = Silent(toy(clock))
    study.scheduler.reserve = lambda: kept_afterwards if study.log.trials else 20.0
    study.run()
    assert states(study) == ["failed"]
    assert study.log.trials[0].failure.kind == "deadline"
    assert not study.scheduler.may_start(None, 3)


@pytest.mark.parametrize("kind", ["nan", "bug", "timeout"])
def test_a_failure_that_would_come_again_is_not_retried(tmp_path, kind):
    study = make(tmp_path, failing_first(Failure(kind, "why")), max_trials=3)
    study.run()
    first = study.log.trials[0]
    assert (first.state, first.value, first.failure) == ("failed", None, Failure(kind, "why"))
    assert "complete" in states(study)[1:]
    assert len(study.runner.tasks) == 3


@pytest.mark.parametrize("kind", ["killed", "hang", "memory"])
def test_a_failure_that_may_pass_is_retried_under_its_number(tmp_path, kind):
    study = make(tmp_path, failing_first(Failure(kind, "why")), max_trials=2)
    study.run()
    first = study.log.trials[0]
    assert (first.number, first.state) == (0, "complete")
    assert first.retries == (Failure(kind, "why"),)
    assert [t.attempt for t in study.runner.tasks] == [1, 2, 1]
    assert ("retry", 0, kind) in study.listener.events


@pytest.mark.parametrize("kind", ["killed", "hang", "memory"])
def test_retries_come_to_an_end(tmp_path, kind):
    def objective(task):
        yield Failure(kind, "always")

    study = make(tmp_path, objective, max_trials=1, max_failures=1)
    with pytest.raises(StudyError):
        study.run()
    (trial,) = study.log.trials
    assert trial.state == "failed"
    assert len(trial.retries) == FailureKind(kind).retries


def test_reported_epochs_without_a_checkpoint_become_a_new_trial(tmp_path):
    study = make(tmp_path, failing_first(Failure("killed", "why"), then=2), max_trials=2)
    study.run()
    lost, again = study.log.trials
    assert (lost.state, len(lost.epochs)) == ("failed", 2)
    assert (again.number, again.params, again.retry_of) == (1, lost.params, 0)
    assert again.state == "complete"


def checkpointed(clock, fails_after, epochs_behind):
    """A toy that goes on from what its checkpoint has behind it, and fails once."""
    failed = []

    def objective(task):
        number, remaining = len(epochs_behind), task.epochs - len(epochs_behind)
        while remaining:
            number += 1
            made = epoch(number, task.params["x"] * number / task.epochs)
            epochs_behind.append(made)
            remaining = yield made
            if number == fails_after and not failed:
                failed.append(True)
                yield Failure("killed", "by SIGKILL")

    return objective


def test_a_killed_trial_goes_on_from_its_checkpoint(tmp_path):
    behind = []
    study = make(
        tmp_path,
        checkpointed(Clock(), 2, behind),
        max_trials=1,
        folder=tmp_path / "f",
        checkpoint=lambda _: behind,
    )
    study.run()
    (trial,) = study.log.trials
    assert (trial.state, trial.resumed) == ("complete", (2,))
    assert [e.epoch for e in trial.epochs] == [1, 2, 3]


def test_killed_between_its_last_checkpoint_and_the_journal_it_is_complete(tmp_path):
    """Nothing is left to train: it must be neither started nor asked what nothing would cost."""
    behind = [epoch(number, 0.1 * number) for number in (1, 2, 3)]
    study = make(
        tmp_path,
        engine=FixedListEngine([Suggestion(0, {"x": 0.5})], interrupted=[0]),
        folder=tmp_path / "f",
        checkpoint=lambda _: behind,
    )
    for made in behind[:2]:
        study.epoch_log.append(0, made)
    study.run()
    (trial,) = study.log.trials
    assert (trial.state, trial.value, trial.resumed) == ("complete", behind[-1].val_accuracy, (3,))
    assert list(trial.epochs) == behind
    assert study.runner.limits == []  # no task was started


def test_none_of_many_interrupted_trials_is_left_running_where_no_time_is_left(tmp_path):
    suggestions = [Suggestion(number, {"x": 0.1 * number}) for number in range(5)]
    engine = FixedListEngine(suggestions, interrupted=range(5))
    study = make(tmp_path, engine=engine, seconds=20)  # all of it is kept for what follows
    study.run()
    assert engine.running() == ()
    assert [(t.number, t.failure.kind) for t in study.log.trials] == [
        (number, "deadline") for number in range(5)
    ]


@pytest.mark.parametrize("done", [1, 3])
def test_killed_before_the_first_epoch_was_journalled_its_checkpoint_counts(tmp_path, done):
    behind = [epoch(number, 0.1 * number) for number in range(1, done + 1)]

    def goes_on(task):
        yield from (epoch(number, 0.1 * number) for number in range(done + 1, 4))

    study = make(
        tmp_path,
        goes_on,
        engine=FixedListEngine([Suggestion(0, {"x": 0.5})]),
        folder=tmp_path / "f",
        checkpoint=lambda _: behind,
    )
    study.run()
    (trial,) = study.log.trials
    assert [e.epoch for e in trial.epochs] == [1, 2, 3]
    assert (trial.state, trial.resumed) == ("complete", (done,))


@pytest.mark.parametrize("field", ["loss", "accuracy", "val_loss", "val_accuracy"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_fail_the_trial(tmp_path, field, value):
    def objective(task):
        yield epoch(1, 0.1, **{field: value})

    study = make(tmp_path, objective, max_trials=1, max_failures=1)
    with pytest.raises(StudyError):
        study.run()
    assert study.log.trials[0].failure.kind == "nan"
    assert study.log.trials[0].epochs == ()


def test_a_trial_without_an_epoch_is_a_bug(tmp_path):
    def objective(task):
        return
        yield

    study = make(tmp_path, objective, max_trials=1, max_failures=1)
    with pytest.raises(StudyError):
        study.run()
    assert study.log.trials[0].failure.message == "the trial ended without a single epoch"


def test_where_all_trials_failed_another_is_tried(tmp_path):
    """A search of one trial is not lost by a NaN."""
    objective = failing_first(Failure("nan", "why"))
    study = make(tmp_path, objective, max_trials=1)
    study.run()
    assert [t.state for t in study.log.trials] == ["failed", "complete"]


def test_failures_in_a_row_end_the_study(tmp_path):
    def objective(task):
        if task.number < 10:
            raise TrialError("nan", "again")
        yield epoch(1, 0.1)

    study = make(tmp_path, objective, max_trials=50, max_failures=4)
    with pytest.raises(StudyError, match="4 trials failed one after the other; the last: nan"):
        study.run()
    assert len(study.log.trials) == 4


def test_repeated_parameters_are_a_replicate_under_another_seed(tmp_path):
    engine = FixedListEngine([Suggestion(n, {"x": 0.5}) for n in range(3)])
    study = make(tmp_path, engine=engine)
    study.run()
    assert [t.replicate_of for t in study.log.trials] == [None, 0, 0]
    assert len({t.seed for t in study.log.trials}) == 3


def test_an_engine_may_ask_for_fewer_epochs(tmp_path):
    study = make(tmp_path, engine=FixedListEngine([Suggestion(0, {"x": 0.5}, epochs=2)]))
    study.run()
    assert len(study.log.trials[0].epochs) == 2


def test_the_length_may_be_decided_while_it_runs(tmp_path):
    study = make(
        tmp_path,
        engine=FixedListEngine([Suggestion(0, {"x": 0.5})]),
        remaining=lambda epochs, planned: 5 - len(epochs),
    )
    study.run()
    assert len(study.log.trials[0].epochs) == 5
    assert [e[3] for e in study.listener.events if e[0] == "epoch"] == [4, 3, 2, 1, 0]


def test_every_task_has_limits(tmp_path):
    study = make(tmp_path, max_trials=1, limits=Limits(seconds=7.0, memory=8))
    study.run()
    (limits,) = study.runner.limits
    assert (limits.seconds, limits.memory) == (7.0, 8)
    assert limits.progress_timeout >= 60


def stopping_after(tmp_path, epochs, **options):
    """A study that is told to stop after so many epochs."""
    study = make(tmp_path, **options)
    study.stop = lambda: sum(e[0] == "epoch" for e in study.listener.events) >= epochs
    study.run()
    return study


def test_a_stopped_trial_without_a_checkpoint_starts_anew(tmp_path):
    stopped = stopping_after(tmp_path, 4, pruner="none", max_trials=3)
    assert [t.number for t in stopped.log.trials] == [0]
    again = make(tmp_path, pruner="none", max_trials=3)
    again.run()
    by_number = {t.number: t for t in again.log.trials}
    assert by_number[1].failure.kind == "interrupted"
    assert len(by_number[1].epochs) == 1
    assert (by_number[2].params, by_number[2].retry_of) == (by_number[1].params, 1)
    assert counts(again.engine) == {"complete": 3, "pruned": 0, "failed": 1}
    assert again.engine.running() == ()


@pytest.mark.parametrize("seconds", [None, 45.0])
def test_a_stopped_trial_with_a_checkpoint_goes_on(tmp_path, seconds):
    behind = [epoch(1, 0.1)]

    def goes_on(task):
        for number in range(len(behind) + 1, 4):
            behind.append(epoch(number, 0.1 * number))
            yield behind[-1]

    stopping_after(tmp_path, 1, pruner="none", max_trials=1, objective=toy(Clock()))
    again = make(
        tmp_path,
        goes_on,
        pruner="none",
        max_trials=1,
        folder=tmp_path / "f",
        checkpoint=lambda _: list(behind),
        seconds=seconds,
    )
    again.scheduler.costs.learn({}, 1, 8.0)
    if seconds is not None:  # there is time for the two epochs that are left, not for three
        assert not again.scheduler.may_start({}, 3)
    again.run()
    (trial,) = again.log.trials
    assert (trial.number, trial.state, trial.resumed) == (0, "complete", (1,))
    assert [e.epoch for e in trial.epochs] == [1, 2, 3]


def test_a_checkpoint_ahead_of_the_journal_is_made_up_for(tmp_path):
    # Killed between writing the checkpoint of epoch 2 and reporting it.
    stopping_after(tmp_path, 1, pruner="none", max_trials=1)
    behind = [epoch(1, 0.1), epoch(2, 0.2)]

    def goes_on(task):
        yield epoch(3, 0.3)

    again = make(
        tmp_path,
        goes_on,
        pruner="none",
        max_trials=1,
        folder=tmp_path / "f",
        checkpoint=lambda _: behind,
    )
    again.run()
    assert [e.epoch for e in again.log.trials[0].epochs] == [1, 2, 3]
    assert [e.epoch for e in EpochLog(tmp_path / "epochs.jsonl").of(0)] == [1, 2, 3]


def test_a_trial_whose_last_epoch_was_journalled_is_concluded_without_running(tmp_path):
    study = make(tmp_path, max_trials=1)

    def full(trial):
        raise OSError(errno.ENOSPC, "No space left on device")

    study.log.append = full
    with pytest.raises(OSError, match="No space left"):
        study.run()
    again = make(tmp_path, max_trials=1)
    again.run()
    assert [t.state for t in again.log.trials] == ["complete"]
    assert again.runner.tasks == []


def test_a_full_disk_in_a_trial_stops_the_study_and_keeps_the_trial(tmp_path):
    study = make(tmp_path, failing_first(Failure("disk", "full")), max_trials=2)
    with pytest.raises(OSError, match="No space left"):
        study.run()
    assert study.log.trials == []
    again = make(tmp_path, max_trials=2)
    again.run()
    assert states(again) == ["complete", "complete"]


def test_the_engine_hears_of_no_epoch_that_was_not_journalled(tmp_path):
    study = make(tmp_path, max_trials=1)
    heard = []

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    study.epoch_log.append = full
    study.engine.report = lambda *report: heard.append(report) or True
    with pytest.raises(OSError, match="No space left"):
        study.run()
    assert heard == []


def test_a_trial_recorded_but_not_told_is_told(tmp_path):
    study = make(tmp_path, max_trials=1)

    def dies(*_):
        raise KeyboardInterrupt

    study.engine.tell = dies
    with pytest.raises(KeyboardInterrupt):
        study.run()
    again = make(tmp_path, max_trials=1)
    again.run()
    assert counts(again.engine) == {"complete": 1, "pruned": 0, "failed": 0}
    assert again.runner.tasks == []


def test_a_lost_database_is_made_up_for_by_the_log(tmp_path):
    make(tmp_path, max_trials=3).run()
    OPENED.pop().close()
    (tmp_path / "study.db").unlink()
    again = make(tmp_path, max_trials=4)
    again.run()
    assert [t.number for t in again.log.trials] == [0, 1, 2, 3]


def test_checkpoints_go_with_their_trial(tmp_path):
    folder = tmp_path / "f"

    def objective(task):
        task.folder.mkdir(parents=True, exist_ok=True)
        (task.folder / "weights").write_text("w")
        yield epoch(1, 0.1)

    make(tmp_path, objective, max_trials=2, folder=folder).run()
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)


def test_seeds_differ_between_trials_and_repeat_between_runs():
    seeds = [trial_seed(0, n) for n in range(100)]
    assert len(set(seeds)) == 100
    assert seeds[3] == trial_seed(0, 3) != trial_seed(1, 3)
    assert trial_seed(0, 3, "confirm") != trial_seed(0, 3)


def test_a_trial_that_only_has_to_end_is_complete_when_the_time_is_over(tmp_path):
    clock = Clock()

    class Tidying(Inline):
        """Its processes never come to an end by themselves."""

        def answer(self, number, remaining):
            if remaining:
                super().answer(number, remaining)

        def wait(self, seconds):
            clock.now += 7.0
            return super().wait(seconds)

    study = make(tmp_path, clock=clock, seconds=60.0, max_trials=1, pruner="none")
    study.runner = Tidying(toy(clock))
    study.run()
    assert states(study) == ["complete"]
